#include "checkpoint/manifest.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "base/text.h"
#include "checkpoint/roles.h"
#include "checkpoint/summary.h"
#include "checkpoint/test_folder.h"
#include "formats/bf16.h"

namespace mxpath {
namespace {

constexpr uint64_t parameters_20b = 20'914'757'184, parameters_120b = 116'829'156'672;
constexpr uint64_t bytes_20b = 13'761'264'768, bytes_120b = 65'248'815'744;

/// All rows of all tensors, decoded, by role, layer and expert.
std::vector<std::vector<float>> all_rows(const Checkpoint& checkpoint) {
  std::vector<std::vector<float>> rows;
  for (const auto& t : checkpoint.manifest().tensors)
    for (int expert = 0; expert < t.experts; ++expert)
      for (int64_t row = 0; row < t.rows; ++row) {
        rows.emplace_back(static_cast<size_t>(t.columns));
        checkpoint.decode_row(t, expert, row, rows.back());
      }
  return rows;
}

Checkpoint open_checkpoint(const std::string& folder) {
  auto checkpoint = Checkpoint::open(folder);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.error().message;
  return std::move(*checkpoint);
}

TEST(ManifestFromConfig, TotalsAreThePublishedOnes) {
  const auto small = summarise(manifest_from_config(gpt_oss_20b_config(), "20b")),
             large = summarise(manifest_from_config(gpt_oss_120b_config(), "120b"));
  EXPECT_EQ(small.parameters, parameters_20b);
  EXPECT_EQ(large.parameters, parameters_120b);
  EXPECT_EQ(small.active_parameters, 3'608'307'264u);
  EXPECT_EQ(large.active_parameters, 5'132'849'472u);
  EXPECT_EQ(small.bytes, bytes_20b);
  EXPECT_EQ(large.bytes, bytes_120b);
  ModelConfig plain = gpt_oss_20b_config();
  plain.quantized_mxfp4 = false;
  EXPECT_EQ(summarise(manifest_from_config(plain, "bf16")).bytes, 41'829'514'368u);
}

TEST(ManifestFromConfig, EqualsWhatOpeningFinds) {
  TestFolder folder;
  for (const auto layout : {CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::hugging_face_bf16}) {
    write_tiny(folder / "m", layout);
    ModelConfig config = tiny_config();
    config.quantized_mxfp4 = layout == CheckpointLayout::hugging_face_mxfp4;
    const auto promised = manifest_from_config(config, "m"), found = open_manifest(folder / "m").value();
    EXPECT_TRUE(promised.header_only);
    EXPECT_FALSE(found.header_only);
    EXPECT_EQ(promised.layout, found.layout);
    ASSERT_EQ(promised.tensors.size(), found.tensors.size());
    for (size_t i = 0; i < found.tensors.size(); ++i) {
      const auto &a = promised.tensors[i], &b = found.tensors[i];
      EXPECT_EQ(a.name, b.name);
      EXPECT_EQ(a.role, b.role);
      EXPECT_EQ(a.encoding, b.encoding);
      EXPECT_EQ(a.transposed, b.transposed);
      EXPECT_EQ(a.data.bytes, b.data.bytes) << a.name;
      EXPECT_EQ(a.scales.bytes, b.scales.bytes) << a.name;
      EXPECT_EQ(a.data.file, -1);
    }
  }
  EXPECT_FALSE(Checkpoint::open(manifest_from_config(tiny_config(), "m")).ok());
}

TEST(ManifestFromConfig, OddWidthsArePlannedAsBf16) {
  ModelConfig config = tiny_config();
  config.hidden = 48;
  const auto manifest = manifest_from_config(config, "m");
  EXPECT_EQ(manifest.find(Role::gate_up_weight, 0)->encoding, Encoding::bf16);
  EXPECT_EQ(manifest.remarks.size(), 1u);
}

/// The shards of openai/gpt-oss-20b as published: right tensors in the right files, without weights.
void write_published_20b(const TestFolder& folder) {
  std::map<std::string, SafetensorsItem> items;
  for (const auto& t : manifest_from_config(gpt_oss_20b_config(), "").tensors) {
    const auto E = static_cast<uint64_t>(t.experts), rows = static_cast<uint64_t>(t.rows),
               columns = static_cast<uint64_t>(t.columns);
    std::vector<uint64_t> shape = {rows};
    if (row_of(t.role).per_expert) shape.insert(shape.begin(), E);
    if (t.encoding == Encoding::mxfp4_blocks) {
      const std::string scales = t.name.substr(0, t.name.size() - 6) + "scales";
      items[t.name] = {t.name, Dtype::u8, {E, rows, columns / 32, 16}, nullptr};
      items[scales] = {scales, Dtype::u8, {E, rows, columns / 32}, nullptr};
    } else {
      if (row_of(t.role).columns != Extent::one) shape.push_back(columns);
      items[t.name] = {t.name, Dtype::bf16, shape, nullptr};
    }
  }
  Json map = Json::object();
  std::map<std::string, std::vector<SafetensorsItem>> shards;
  std::istringstream lines(test_data("gpt-oss-20b/weight_map.txt"));
  std::string shard;
  const auto put = [&](const std::string& name) {
    ASSERT_TRUE(items.contains(name)) << name;
    shards[shard].push_back(items.at(name));
    map[name] = shard;
  };
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, word;
    words >> kind;
    if (kind == "shard") words >> shard;
    if (kind == "global")
      while (words >> word) put(word);
    if (kind == "layers")
      while (words >> word)
        for (const auto& [name, item] : items)
          if (name.starts_with("model.layers." + word + ".")) put(name);
    std::string layer;
    if (kind == "layer") words >> layer;
    if (kind == "layer")
      while (words >> word) put("model.layers." + layer + "." + word);
  }
  folder.write("config.json", test_data("gpt-oss-20b/config.json"));
  folder.write("model.safetensors.index.json",
               Json{{"metadata", {{"total_size", bytes_20b}}}, {"weight_map", map}}.dump());
  for (const auto& [name, part] : shards) ASSERT_TRUE(write_safetensors(folder / name, part).ok());
}

TEST(OpenManifest, ReadsThePublished20bHeaders) {
  TestFolder folder;
  write_published_20b(folder);
  const auto manifest = open_manifest(folder.path());
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_TRUE(manifest->remarks.empty());
  const auto summary = summarise(*manifest);
  EXPECT_EQ(summary.parameters, parameters_20b);
  EXPECT_EQ(summary.bytes, bytes_20b);
  // Published file sizes; they differ from the tensors' bytes by the header alone.
  const std::vector<uint64_t> published = {4'792'272'488, 4'798'702'184, 4'170'342'232};
  ASSERT_EQ(summary.files.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_LT(summary.files[i].bytes, published[i]);
    EXPECT_LT(published[i] - summary.files[i].bytes, 32768u);
  }
  // Layers 6 and 18 lie in two shards each; 10 is in front of 2.
  EXPECT_NE(manifest->find(Role::q_weight, 6)->data.file, manifest->find(Role::down_weight, 6)->data.file);
  EXPECT_LT(manifest->find(Role::q_weight, 10)->data.file, manifest->find(Role::q_weight, 2)->data.file);
}

TEST(OpenManifest, Reads120bHeadersFromSparseFiles) {
  TestFolder folder;
  RandomCheckpoint what;
  what.config = gpt_oss_120b_config();
  what.headers_only = true;
  for (const auto layout :
       {CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::openai_original, CheckpointLayout::hugging_face_bf16}) {
    what.layout = layout;
    const std::string name = folder / fmt::format("m{}", static_cast<int>(layout));
    ASSERT_TRUE(write_random_checkpoint(name, what).ok());
    const auto manifest = open_manifest(name);
    ASSERT_TRUE(manifest.ok()) << manifest.error().message;
    EXPECT_EQ(manifest->layout, layout);
    EXPECT_GT(manifest->files.size(), 10u);
    EXPECT_TRUE(manifest->remarks.empty());
    EXPECT_EQ(summarise(*manifest).parameters, parameters_120b);
    EXPECT_EQ(summarise(*manifest).bytes,
              layout == CheckpointLayout::hugging_face_bf16 ? 233'658'313'344u : bytes_120b);
  }
}

TEST(Checkpoint, ThreeLayoutsOfOneModelDecodeToTheSameRows) {
  TestFolder folder;
  write_tiny(folder / "mxfp4");
  write_tiny(folder / "bf16", CheckpointLayout::hugging_face_bf16);
  write_tiny(folder / "original", CheckpointLayout::openai_original);
  write_tiny(folder / "sharded", CheckpointLayout::hugging_face_mxfp4, 20000);
  const auto mxfp4 = open_checkpoint(folder / "mxfp4"), bf16 = open_checkpoint(folder / "bf16"),
             original = open_checkpoint(folder / "original"), sharded = open_checkpoint(folder / "sharded");
  EXPECT_EQ(bf16.manifest().layout, CheckpointLayout::hugging_face_bf16);
  EXPECT_EQ(original.manifest().layout, CheckpointLayout::openai_original);
  EXPECT_GT(sharded.manifest().files.size(), 5u);
  const auto expected = all_rows(mxfp4);
  EXPECT_EQ(expected.size(), 512 * 2 + 64 + 2 * (64 * 4 + 64 * 2 + 32 * 4 + 4 + 4 * 2 + 4 * (192 * 2 + 64 * 2)));
  EXPECT_EQ(all_rows(bf16), expected);
  EXPECT_EQ(all_rows(original), expected);
  EXPECT_EQ(all_rows(sharded), expected);
}

TEST(Checkpoint, DecodesByHand) {
  TestFolder folder;
  write_tiny(folder / "m");
  const std::string file = folder / "m/model.safetensors", name = "model.layers.1.mlp.experts.down_proj";
  auto tensors = load_tensors(file);
  // Expert 2, row 5, block 1 of 3: scale 2^(125-127), byte 4 holds element 8 (code 3, 1.5) low and element 9 (code 14,
  // -4) high.
  const size_t block = (2 * 64 + 5) * 3 + 1;
  tensor_named(tensors, name + "_scales").bytes[block] = 125;
  tensor_named(tensors, name + "_blocks").bytes[block * 16 + 4] = 0xe3;
  auto& sinks = tensor_named(tensors, "model.layers.0.self_attn.sinks");
  sinks.dtype = Dtype::f32;
  sinks.bytes.resize(16);
  const float values[4] = {1.5f, -2.25f, 1e-30f, 3e30f};
  std::memcpy(sinks.bytes.data(), values, 16);
  auto& norm = tensor_named(tensors, "model.norm.weight");
  norm.dtype = Dtype::f16;
  norm.bytes[2] = 0x00, norm.bytes[3] = 0xc1;  // -2.5
  save_tensors(file, tensors);
  const auto checkpoint = open_checkpoint(folder / "m");
  std::vector<float> row(96);
  checkpoint.decode_row(*checkpoint.manifest().find(Role::down_weight, 1), 2, 5, row);
  EXPECT_EQ(row[32 + 8], 0.375f);
  EXPECT_EQ(row[32 + 9], -1.0f);
  for (int64_t i = 0; i < 4; ++i) {
    checkpoint.decode_row(*checkpoint.manifest().find(Role::sinks, 0), 0, i, std::span(row).first(1));
    EXPECT_EQ(row[0], values[i]);
  }
  checkpoint.decode_row(*checkpoint.manifest().find(Role::final_norm), 0, 1, std::span(row).first(1));
  EXPECT_EQ(row[0], -2.5f);
  EXPECT_EQ(checkpoint.scales(*checkpoint.manifest().find(Role::down_weight, 1))[block], 125);
  checkpoint.release(*checkpoint.manifest().find(Role::down_weight, 1));
  EXPECT_EQ(checkpoint.scales(*checkpoint.manifest().find(Role::down_weight, 1))[block], 125);  // mapped again on touch
}

TEST(Checkpoint, KeyRowsComeOutOfTheFusedTensor) {
  TestFolder folder;
  write_tiny(folder / "m", CheckpointLayout::openai_original);
  auto tensors = load_tensors(folder / "m/model.safetensors");
  auto& qkv = tensor_named(tensors, "block.0.attn.qkv.weight");
  ASSERT_EQ(qkv.shape, (std::vector<uint64_t>{128, 64}));  // 64 q, 32 k, 32 v
  for (size_t row = 0; row < 128; ++row)
    for (size_t column = 0; column < 64; ++column) {
      const uint16_t code = encode_bf16(static_cast<float>(row));
      std::memcpy(qkv.bytes.data() + (row * 64 + column) * 2, &code, 2);
    }
  save_tensors(folder / "m/model.safetensors", tensors);
  const auto checkpoint = open_checkpoint(folder / "m");
  const auto first = [&](Role role, int64_t row) {
    std::vector<float> out(64);
    checkpoint.decode_row(*checkpoint.manifest().find(role, 0), 0, row, out);
    return out[63];
  };
  EXPECT_EQ(first(Role::q_weight, 0), 0);
  EXPECT_EQ(first(Role::q_weight, 63), 63);
  EXPECT_EQ(first(Role::k_weight, 0), 64);
  EXPECT_EQ(first(Role::k_weight, 31), 95);
  EXPECT_EQ(first(Role::v_weight, 0), 96);
  EXPECT_EQ(first(Role::v_weight, 31), 127);
}

TEST(OpenManifest, OriginalWithPlainExpertsIsNotTransposed) {
  TestFolder folder;
  write_tiny(folder / "m", CheckpointLayout::openai_original);
  const auto mxfp4 = open_checkpoint(folder / "m");
  const auto expected = all_rows(mxfp4);
  auto tensors = load_tensors(folder / "m/model.safetensors");
  std::erase_if(tensors,
                [](const LooseTensor& t) { return t.name.ends_with(".blocks") || t.name.ends_with(".scales"); });
  for (const auto& t : mxfp4.manifest().tensors) {
    if (t.encoding != Encoding::mxfp4_blocks) continue;
    LooseTensor plain{t.name.substr(0, t.name.size() - 7),
                      Dtype::bf16,
                      {4, static_cast<uint64_t>(t.rows), static_cast<uint64_t>(t.columns)},
                      {}};
    std::vector<float> row(static_cast<size_t>(t.columns));
    for (int64_t i = 0; i < 4 * t.rows; ++i) {
      mxfp4.decode_row(t, static_cast<int>(i / t.rows), i % t.rows, row);
      for (const float value : row) {
        const uint16_t code = encode_bf16(value);
        plain.bytes.push_back(static_cast<uint8_t>(code));
        plain.bytes.push_back(static_cast<uint8_t>(code >> 8));
      }
    }
    tensors.push_back(plain);
  }
  save_tensors(folder / "m/model.safetensors", tensors);
  EXPECT_EQ(all_rows(open_checkpoint(folder / "m")), expected);
}

TEST(OpenManifest, FollowsAFolderThatOnlyHoldsOriginal) {
  TestFolder folder;
  write_tiny(folder / "m/original", CheckpointLayout::openai_original);
  folder.write("m/README.md", "");
  auto manifest = open_manifest(folder / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->path, folder / "m/original");
  // the only config.json one level up
  std::filesystem::rename(folder / "m/original/config.json", folder / "m/config.json");
  EXPECT_TRUE(open_manifest(folder / "m").ok());
}

TEST(OpenManifest, TiedEmbeddingsNeedNoHead) {
  TestFolder folder;
  RandomCheckpoint what;
  what.config = tiny_config();
  what.config.tied_embeddings = true;
  ASSERT_TRUE(write_random_checkpoint(folder / "m", what).ok());
  const auto manifest = open_manifest(folder / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->find(Role::head), nullptr);
  const auto untied = summarise(manifest_from_config(tiny_config(), ""));
  EXPECT_EQ(summarise(*manifest).parameters, untied.parameters - 512 * 64);
  EXPECT_EQ(summarise(*manifest).active_parameters, untied.active_parameters);
}

TEST(OpenManifest, SeveralFilesWithoutAnIndex) {
  TestFolder folder;
  write_tiny(folder / "m", CheckpointLayout::hugging_face_mxfp4, 50000);
  std::filesystem::remove(folder / "m/model.safetensors.index.json");
  ASSERT_TRUE(open_manifest(folder / "m").ok());
  std::filesystem::copy_file(folder / "m/model-00001-of-00006.safetensors", folder / "m/z.safetensors");
  const auto twice = open_manifest(folder / "m");
  ASSERT_TRUE(twice.ok()) << twice.error().message;
  EXPECT_EQ(twice->decisions, std::vector<std::string>{"6 of 7 weight files are the model; not read: z.safetensors"});
  std::filesystem::rename(folder / "m/model-00002-of-00006.safetensors", folder / "m/y.safetensors");
  EXPECT_NE(open_manifest(folder / "m").error().message.find("is also in"), std::string::npos);
}

TEST(OpenManifest, StaleIndexBesideASingleFile) {
  TestFolder folder;
  write_tiny(folder / "m");
  folder.write("m/model.safetensors.index.json", R"({"weight_map":{"a":"model-00001-of-00002.safetensors"}})");
  const auto manifest = open_manifest(folder / "m");
  ASSERT_TRUE(manifest.ok()) << manifest.error().message;
  EXPECT_EQ(manifest->decisions.size(), 1u);
}

TEST(OpenManifest, TensorsWinOverTheConfig) {
  TestFolder folder;
  write_tiny(folder / "a");
  write_tiny(folder / "b", CheckpointLayout::hugging_face_bf16);
  const std::string a = folder.read("a/config.json"), b = folder.read("b/config.json");
  folder.write("a/config.json", b);
  folder.write("b/config.json", a);
  const auto mxfp4 = open_manifest(folder / "a").value(), plain = open_manifest(folder / "b").value();
  EXPECT_TRUE(mxfp4.config.quantized_mxfp4);
  EXPECT_FALSE(plain.config.quantized_mxfp4);
  EXPECT_EQ(mxfp4.remarks,
            std::vector<std::string>{"config.json does not mention MXFP4, but the experts are stored so"});
  EXPECT_EQ(plain.remarks, std::vector<std::string>{"config.json says MXFP4, but the experts are stored unquantised"});
}

TEST(Summary, TextAndJsonSayTheSame) {
  TestFolder folder;
  write_tiny(folder / "m", CheckpointLayout::openai_original);
  const auto summary = summarise(open_manifest(folder / "m").value());
  EXPECT_EQ(summary.bytes, summarise(manifest_from_config(tiny_config(), "")).bytes);  // a fused tensor counts once
  EXPECT_EQ(summary.files[0].bytes, summary.bytes);
  const Json json = to_json(summary);
  EXPECT_EQ(json["parameters"], summary.parameters);
  EXPECT_EQ(json["roles"].size(), 20u);
  uint64_t bytes = 0;
  for (const auto& role : json["roles"]) bytes += role["bytes"].get<uint64_t>();
  EXPECT_EQ(bytes, summary.bytes);
  const std::string text = to_text(summary);
  for (const char* part : {"OpenAI original", "240848", "gate_up_weight", "4 × 192 × 64", "MXFP4", "window 8"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

}  // namespace
}  // namespace mxpath
