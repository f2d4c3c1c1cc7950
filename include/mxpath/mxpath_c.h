/* The C API: the same as mxpath.h for other languages. C99; needs nothing but the C library's headers.
 *
 *   mxpath_engine* engine = NULL;
 *   mxpath_answer* answer = NULL;
 *   char* error = NULL;
 *   mxpath_message question = {"user", "Solve 7x + 12 = 61.", NULL, NULL, NULL};
 *   if (mxpath_load("demo", NULL, &engine, &error) || mxpath_ask(engine, &question, 1, NULL, &answer, &error))
 * fputs(error, stderr); else puts(mxpath_answer_text(answer)); mxpath_answer_free(answer); mxpath_engine_free(engine);
 *   mxpath_free(error);
 *
 * Every function that can fail returns an mxpath_status. `error` may be NULL; else it is set to NULL, or to one
 * sentence that the caller frees with mxpath_free. Outputs are written on success only. Nothing here throws, prints or
 * ends the program; a callback may do none of that either. Texts are UTF-8 and end in a zero; NULL is the empty text,
 * or the default where an option has one. Units: bytes, seconds, tokens. All functions with an engine may be called
 * from several threads at once, but for mxpath_engine_free; their answers are written side by side. Callbacks come on
 * the thread that asks.
 */
#ifndef MXPATH_C_H
#define MXPATH_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mxpath_status {
  MXPATH_OK = 0,
  MXPATH_FAILED = 1,    /* the input or the machine does not allow it */
  MXPATH_WRONG_USE = 2, /* invalid argument */
  MXPATH_REFUSED = 3    /* `strict` does not accept what would have to be done */
} mxpath_status;

typedef struct mxpath_engine mxpath_engine; /* a loaded model */
typedef struct mxpath_answer mxpath_answer;

/* How a model is to run; the fields mean what those of mxpath::api::Options mean. Fill it with mxpath_options_init,
 * which sets `size`: a program that was compiled with an older and shorter struct keeps working with a newer library.
 */
typedef struct mxpath_options {
  size_t size;
  const char* device;        /* "auto", "cpu", "cuda", "cuda:N", a GPU's UUID, or several: "cuda:0,cuda:1" */
  const char* split;         /* layers on each GPU, as in "20,16"; NULL: by their free memory */
  const char* weights;       /* format of the experts */
  const char* dense_weights; /* format of the attention projections and the head */
  const char* const* only;   /* globs of path names */
  size_t only_count;
  const char* const* exclude;
  size_t exclude_count;
  int fast_numerics;
  int strict;
  int threads;            /* 0: all cores */
  int context;            /* tokens; 0: 8192, or what the model allows */
  int gpu_layers;         /* number of trailing layers to place on the GPU; -1: as many as fit */
  int cpu_experts;        /* of those layers, how many keep their experts on the CPU; -1: the fewest that fit */
  uint64_t memory_budget; /* bytes; 0: what is free */
  void (*progress)(void* user, const char* what, uint64_t done, uint64_t total); /* called while the model loads */
  void (*notice)(void* user, const char* sentence); /* called with a sentence for each fallback */
  void* user;                                       /* handed to both */
  /* Not in 0.1: */
  int sequences;      /* answers that are written at once, at most 1024; 0: 8 */
  const char* kv;     /* format of keys and values: "bf16" (NULL), "fp16", "fp32", "fp8-e4m3", "int8" */
  uint64_t kv_memory; /* bytes for them on each device; 0: a whole context for each sequence, as far as it fits */
  double step_target; /* seconds that a step may take while answers wait for it; 0: by the model's own speed */
  int deterministic;  /* not 0: an answer has the same bits whatever is asked at the same time; CPUs alone */
} mxpath_options;
void mxpath_options_init(mxpath_options* options);

/* Options of mxpath_ask and mxpath_continue; mxpath_generate_options_init fills them and sets `size`. */
typedef struct mxpath_generate_options {
  size_t size;
  int max_new_tokens; /* 0: until the context is full */
  int top_k;          /* 0: all; -1: the model's default */
  float temperature;  /* 0 (greedy) to 100; -1: the model's default */
  float top_p;        /* in (0, 1]; -1: the model's default */
  float min_p;        /* in [0, 1]; -1: the model's default */
  int use_cache;      /* 0: read the whole text again for every token */
  uint64_t seed;
  const char* reasoning_effort; /* low, medium, high; mxpath_ask only, as the next three */
  const char* identity;         /* first line of the system message */
  const char* developer;        /* instructions */
  const char* date;             /* "2025-06-28"; "": none */
  /* Called with every piece of text as it comes, whole characters. channel: analysis, commentary, final; "" in
   * mxpath_continue. Returns 0 to go on; anything else ends the answer, which then has the stop reason "cancelled". */
  int (*on_text)(void* user, const char* channel, const char* text, size_t bytes);
  /* Asked before each chunk of the prompt and after each token, and once a second while neither comes; returns 0 to go
   * on. */
  int (*cancelled)(void* user);
  void* user; /* handed to both */
  /* Not in 0.1: */
  float repetition_penalty; /* above 0 to 100; 0 and 1: none */
  float presence_penalty;   /* -100 to 100 */
  float frequency_penalty;
  int priority; /* higher goes first where more is asked than `sequences` */
  const char* const* stop; /* texts before which the answer ends, at most 16; nothing of them is streamed */
  size_t stop_count;
} mxpath_generate_options;
void mxpath_generate_options_init(mxpath_generate_options* options);

/* What a loaded model is; `size` is set by the caller to sizeof(mxpath_model_info). */
typedef struct mxpath_model_info {
  size_t size;
  int layers, experts, experts_per_token, hidden, vocabulary;
  int context;           /* tokens that a conversation may have */
  uint64_t weight_bytes; /* as packed in memory */
  double load_seconds;
} mxpath_model_info;

/* One message of a conversation. This struct does not grow. */
typedef struct mxpath_message {
  const char* role; /* system, developer, user, assistant, tool */
  const char* content;
  const char* channel;   /* the assistant's: analysis, commentary, final */
  const char* recipient; /* a tool such as functions.get_weather */
  const char* name;      /* the name of the tool that answers */
} mxpath_message;

/* "0.1.0" of the library, which need not be the version that this header came with. Never freed. */
const char* mxpath_version(void);

/* Frees a text or array that a function of this header made; NULL is allowed. */
void mxpath_free(void* made);

/* Makes the plan for a model and a machine, from headers only, as JSON. machine: NULL for this one, a file, or a known
 * name. A plan that does not fit is an error. *json is freed with mxpath_free. */
mxpath_status mxpath_plan(const char* model, const mxpath_options* options, const char* machine, char** json,
                          char** error);

/* model: a folder, a name in the Hugging Face cache, or "demo". Blocks until the weights are packed and the paths have
 * passed their check.
 */
mxpath_status mxpath_load(const char* model, const mxpath_options* options, mxpath_engine** engine, char** error);
void mxpath_engine_free(mxpath_engine* engine);

mxpath_status mxpath_engine_info(const mxpath_engine* engine, mxpath_model_info* info, char** error);
/* The plan that was loaded. *json is freed with mxpath_free. */
mxpath_status mxpath_engine_plan(const mxpath_engine* engine, char** json, char** error);

/* Converts ordinary text to ids; special tokens in it are read as text. *tokens is freed with mxpath_free; it is not
 * NULL even for no tokens. */
mxpath_status mxpath_tokenize(const mxpath_engine* engine, const char* text, size_t bytes, int32_t** tokens,
                              size_t* count, char** error);
/* *text ends in a zero and is freed with mxpath_free; *bytes (may be NULL) counts without it, for texts that hold zeros
 * themselves. What has no text is U+FFFD. */
mxpath_status mxpath_detokenize(const mxpath_engine* engine, const int32_t* tokens, size_t count, char** text,
                                size_t* bytes, char** error);

/* Answers a conversation in the harmony format, whose last message is a user's or a tool's. *answer is freed with
 * mxpath_answer_free. */
mxpath_status mxpath_ask(mxpath_engine* engine, const mxpath_message* messages, size_t count,
                         const mxpath_generate_options* options, mxpath_answer** answer, char** error);
/* Continues token ids as they are. */
mxpath_status mxpath_continue(mxpath_engine* engine, const int32_t* tokens, size_t count,
                              const mxpath_generate_options* options, mxpath_answer** answer, char** error);
/* Scores the tokens by teacher forcing: logprobs has room for count - 1 values and gets that of token i + 1 after the
 * tokens 0..i. */
mxpath_status mxpath_score(mxpath_engine* engine, const int32_t* tokens, size_t count, double* logprobs, char** error);

/* What an answer holds lives as long as the answer does. For NULL they return "", no tokens, no messages. */
void mxpath_answer_free(mxpath_answer* answer);
const char* mxpath_answer_text(const mxpath_answer* answer); /* final messages; everything new in mxpath_continue */
const char* mxpath_answer_analysis(const mxpath_answer* answer);
const char* mxpath_answer_stop_reason(const mxpath_answer* answer); /* stop, tool_call, length, context, cancelled */
const int32_t* mxpath_answer_tokens(const mxpath_answer* answer,
                                    size_t* count); /* the new tokens, the stop token included */
size_t mxpath_answer_message_count(const mxpath_answer* answer);
/* 0 if there is no such message. */
int mxpath_answer_message(const mxpath_answer* answer, size_t index, mxpath_message* message);

#ifdef __cplusplus
}
#endif

#endif
