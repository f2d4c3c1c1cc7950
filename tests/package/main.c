/* The installed C API, compiled as C99: what works, and what must be refused without a crash. Argument: a model, and a
 * version. */
#include <stdio.h>
#include <string.h>

#include "mxpath/mxpath_c.h"

static int failures = 0;

static void expect(int right, const char* what) {
  if (right) return;
  fprintf(stderr, "not so: %s\n", what);
  ++failures;
}
#define EXPECT(condition) expect((condition) != 0, #condition)

/* An error has a sentence; it is freed. By address: arguments are made in any order. */
static void expect_error(mxpath_status status, mxpath_status wanted, char** told, const char* part) {
  char* error = *told;
  if (status != wanted || !error || !strstr(error, part)) {
    fprintf(stderr, "wanted status %d with \"%s\", have %d with \"%s\"\n", (int)wanted, part, (int)status,
            error ? error : "");
    ++failures;
  }
  mxpath_free(error);
}

struct heard {
  char text[4096];
  size_t bytes;
  int pieces, stop_after;
};

static int on_text(void* user, const char* channel, const char* text, size_t bytes) {
  struct heard* heard = user;
  expect(channel && text && strlen(text) == bytes, "a piece is a text of that length");
  if (heard->bytes + bytes < sizeof heard->text)
    memcpy(heard->text + heard->bytes, text, bytes + 1), heard->bytes += bytes;
  return ++heard->pieces == heard->stop_after;
}

static void check_bad_input(const char* model) {
  char *error = NULL, *json = NULL;
  mxpath_engine* engine = NULL;
  mxpath_options options;
  mxpath_options_init(&options);
  expect_error(mxpath_load(NULL, NULL, &engine, &error), MXPATH_WRONG_USE, &error, "model: null");
  expect_error(mxpath_load(model, NULL, NULL, &error), MXPATH_WRONG_USE, &error, "engine: null");
  expect_error(mxpath_load("no/such/folder", NULL, &engine, &error), MXPATH_FAILED, &error, "no/such/folder");
  options.size = 8;
  expect_error(mxpath_load(model, &options, &engine, &error), MXPATH_WRONG_USE, &error, "size is 8");
  memset(&options, 0xff, sizeof options);
  expect_error(mxpath_load(model, &options, &engine, &error), MXPATH_WRONG_USE, &error, "mxpath_options_init");
  mxpath_options_init(&options);
  options.device = "abacus";
  expect_error(mxpath_load(model, &options, &engine, &error), MXPATH_WRONG_USE, &error, "device=abacus");
  mxpath_options_init(&options);
  options.only_count = 1;
  expect_error(mxpath_load(model, &options, &engine, &error), MXPATH_WRONG_USE, &error, "only: null");
  mxpath_options_init(&options);
  options.memory_budget = 1000;
  expect_error(mxpath_load(model, &options, &engine, &error), MXPATH_FAILED, &error,
               "it would fit without memory_budget");
  expect_error(mxpath_plan(model, NULL, "pdp11", &json, &error), MXPATH_FAILED, &error, "pdp11");
  EXPECT(mxpath_load(model, &options, &engine, NULL) == MXPATH_FAILED); /* nobody wants the sentence */
  EXPECT(!engine && !json);
  mxpath_engine_free(NULL);
  mxpath_answer_free(NULL);
  mxpath_free(NULL);
  EXPECT(strcmp(mxpath_answer_text(NULL), "") == 0 && !mxpath_answer_message(NULL, 0, NULL));
}

/* A struct of a later version is longer; as long as it asks for nothing new, it is understood. */
static void check_growth(const char* model) {
  struct {
    mxpath_options options;
    uint64_t later;
  } grown;
  char *error = NULL, *json = NULL;
  memset(&grown, 0, sizeof grown);
  mxpath_options_init(&grown.options);
  grown.options.size = sizeof grown;
  EXPECT(mxpath_plan(model, &grown.options, "haswell", &json, &error) == MXPATH_OK);
  EXPECT(json && json[0] == '{' && strstr(json, "\"sites\""));
  mxpath_free(json);
  grown.later = 1;
  expect_error(mxpath_plan(model, &grown.options, "haswell", &json, &error), MXPATH_WRONG_USE, &error, "does not know");
}

static void check_words(mxpath_engine* engine) {
  const char text[] = "seven x";
  int32_t* tokens = NULL;
  size_t count = 0, bytes = 0;
  char *back = NULL, *error = NULL;
  EXPECT(mxpath_tokenize(engine, text, strlen(text), &tokens, &count, &error) == MXPATH_OK && count > 0);
  EXPECT(mxpath_detokenize(engine, tokens, count, &back, &bytes, &error) == MXPATH_OK);
  EXPECT(back && strcmp(back, text) == 0 && bytes == strlen(text));
  mxpath_free(back);
  if (count > 1) {
    double logprobs[16] = {0};
    EXPECT(count <= 16 && mxpath_score(engine, tokens, count, logprobs, &error) == MXPATH_OK && logprobs[0] < 0);
  }
  mxpath_free(tokens);
  EXPECT(mxpath_tokenize(engine, NULL, 0, &tokens, &count, &error) == MXPATH_OK && tokens && count == 0);
  mxpath_free(tokens);
  expect_error(mxpath_tokenize(engine, NULL, 3, &tokens, &count, &error), MXPATH_WRONG_USE, &error, "text: null");
  expect_error(mxpath_detokenize(NULL, NULL, 0, &back, NULL, &error), MXPATH_WRONG_USE, &error, "engine: null");
  expect_error(mxpath_score(engine, NULL, 0, NULL, &error), MXPATH_FAILED, &error, "empty");
}

static void check_answers(mxpath_engine* engine) {
  mxpath_message question = {"user", "Solve 7x + 12 = 61.", NULL, NULL, NULL}, message;
  mxpath_generate_options options;
  mxpath_answer* answer = NULL;
  struct heard heard = {"", 0, 0, 0};
  size_t count = 0;
  char* error = NULL;
  mxpath_generate_options_init(&options);
  options.temperature = 0, options.max_new_tokens = 200;
  options.on_text = on_text, options.user = &heard;
  EXPECT(mxpath_ask(engine, &question, 1, &options, &answer, &error) == MXPATH_OK);
  EXPECT(strstr(mxpath_answer_text(answer), "x = 7") && strstr(heard.text, mxpath_answer_text(answer)));
  EXPECT(mxpath_answer_tokens(answer, &count) && count > 0);
  EXPECT(mxpath_answer_message(answer, 0, &message) && strcmp(message.role, "assistant") == 0);
  mxpath_answer_free(answer);
  memset(&heard, 0, sizeof heard);
  heard.stop_after = 2;
  EXPECT(mxpath_ask(engine, &question, 1, &options, &answer, &error) == MXPATH_OK);
  EXPECT(strcmp(mxpath_answer_stop_reason(answer), "cancelled") == 0 && heard.pieces == 2);
  mxpath_answer_free(answer);
  answer = NULL;
  options.top_p = 3;
  expect_error(mxpath_ask(engine, &question, 1, &options, &answer, &error), MXPATH_WRONG_USE, &error, "top_p=3");
  options.size = 0;
  expect_error(mxpath_ask(engine, &question, 1, &options, &answer, &error), MXPATH_WRONG_USE, &error, "size is 0");
  question.role = NULL;
  expect_error(mxpath_ask(engine, &question, 1, NULL, &answer, &error), MXPATH_WRONG_USE, &error, "role");
  expect_error(mxpath_ask(engine, NULL, 1, NULL, &answer, &error), MXPATH_WRONG_USE, &error, "messages: null");
  expect_error(mxpath_continue(engine, NULL, 0, NULL, &answer, &error), MXPATH_FAILED, &error, "empty");
  EXPECT(!answer);
}

int main(int argc, char** argv) {
  mxpath_engine* engine = NULL;
  mxpath_model_info info;
  mxpath_options options;
  char* error = NULL;
  if (argc != 3 || strcmp(mxpath_version(), argv[2]) != 0) return fprintf(stderr, "another version\n"), 1;
  check_bad_input(argv[1]);
  check_growth(argv[1]);
  mxpath_options_init(&options);
  options.device = "cpu";
  if (mxpath_load(argv[1], &options, &engine, &error) != MXPATH_OK) return fprintf(stderr, "load: %s\n", error), 1;
  info.size = sizeof info;
  EXPECT(mxpath_engine_info(engine, &info, &error) == MXPATH_OK && info.layers > 0 && info.vocabulary > 0);
  info.size = 1;
  expect_error(mxpath_engine_info(engine, &info, &error), MXPATH_WRONG_USE, &error, "size is 1");
  check_words(engine);
  check_answers(engine);
  mxpath_engine_free(engine);
  if (failures == 0) puts("C ok");
  return failures != 0;
}
