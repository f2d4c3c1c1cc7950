#include "checkpoint/folder_signs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "base/folder.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/foreign_stores.h"
#include "checkpoint/inventory.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

struct Sign {
  std::string_view pattern;  // of a file's or folder's name
  std::string_view what, way_out;
};

constexpr std::string_view instead =
    "mxpath reads safetensors in MXFP4 or BF16: download openai/gpt-oss-20b or unsloth/gpt-oss-20b-BF16";
constexpr std::string_view
    of_pytorch =
        "save the model again with save_pretrained(…, safe_serialization=True), or download openai/gpt-oss-20b",
    of_fsdp = "merge it first, for instance with `accelerate merge-weights`",
    of_deepspeed =
        "merge it first, for instance with `python zero_to_fp32.py . OUTPUT --safe_serialization`, which DeepSpeed "
        "leaves in that folder",
    of_megatron = "export it in Hugging Face's format first, for instance with Megatron Bridge";

// What a training leaves, then other runtimes. The more telling names come first.
constexpr std::array signs = {
    Sign{"pytorch_model_fsdp_*", "sharded training state (FSDP)", of_fsdp},
    Sign{"*.distcp", "sharded training state (torch.distributed.checkpoint)", of_fsdp},
    Sign{"global_step*", "sharded training state (DeepSpeed)", of_deepspeed},
    Sign{"zero_to_fp32.py", "sharded training state (DeepSpeed)", of_deepspeed},
    Sign{"mp_rank_*", "sharded training state (DeepSpeed)", of_deepspeed},
    Sign{"zero_pp_rank_*", "sharded training state (DeepSpeed)", of_deepspeed},
    Sign{"*_optim_states.pt", "sharded training state (DeepSpeed)", of_deepspeed},
    Sign{"iter_0*", "sharded training state (Megatron)", of_megatron},
    Sign{"latest_checkpointed_iteration.txt", "sharded training state (Megatron)", of_megatron},
    Sign{"openvino_*", "a model for OpenVINO", instead},
    Sign{"*.engine", "an engine of TensorRT", instead},
    Sign{"*.onnx", "an ONNX model", instead},
    Sign{"*.onnx_data", "an ONNX model", instead},
    Sign{"*.mlpackage", "a model for Apple's Core ML", instead},
    Sign{"*.litertlm", "a model for LiteRT", instead},
    Sign{"mlc-chat-config.json", "a model for MLC", instead},
    Sign{"*.pte", "a model for ExecuTorch", instead},
    Sign{"*.nemo", "a NeMo archive", of_megatron},
    Sign{"*.msgpack", "weights for Flax", instead},
    Sign{"*.h5", "weights for TensorFlow", instead},
    Sign{"model.bin", "OpenAI's build for Apple Metal", instead},
    Sign{"pytorch_model*.bin", "PyTorch pickle files", of_pytorch},
    Sign{"*.pt", "PyTorch pickle files", of_pytorch},
    Sign{"*.pth", "PyTorch pickle files", of_pytorch},
};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

std::string_view first_like(const std::vector<std::string>& names, std::string_view pattern) {
  const auto found =
      std::find_if(names.begin(), names.end(), [&](const std::string& name) { return glob_match(pattern, name); });
  return found == names.end() ? std::string_view() : *found;
}

/// N of checkpoint-N; the last step of a training is the one that is meant. Other folders of a model come before them.
int64_t rank_of(std::string_view name) {
  constexpr std::string_view step = "checkpoint-";
  for (const std::string_view whole :
       {"merged", "merged_model", "merged_16bit", "final", "final_model", "best_model", "model", "hf"})
    if (name == whole) return INT64_MAX;
  int64_t number = -1;
  if (!name.starts_with(step)) return -1;
  const auto [end, error] = std::from_chars(name.data() + step.size(), name.data() + name.size(), number);
  return error == std::errc{} && end == name.data() + name.size() ? number : -1;
}

/// Folders that a training, a merge or an export writes into its output folder, the likeliest first.
std::vector<std::string> deeper_folders(const std::string& folder, const std::vector<std::string>& names) {
  std::vector<std::string> deeper;
  for (const auto& name : names)
    if (rank_of(name) >= 0 && is_folder(fs::path(folder) / name)) deeper.push_back(name);
  std::stable_sort(deeper.begin(), deeper.end(), [](const auto& a, const auto& b) { return rank_of(a) > rank_of(b); });
  return deeper;
}

std::optional<std::string> model_below(const std::string& folder, const std::vector<std::string>& names) {
  for (const auto& name : deeper_folders(folder, names)) {
    const fs::path below = fs::path(folder) / name;
    const auto inside = list_folder(below.string());
    if (!inside.ok() || !has_weights(*inside) || !contains(*inside, "config.json")) continue;
    return fmt::format("the model is in {}, one folder deeper; give that one", printable(below.string(), 1024));
  }
  return std::nullopt;
}

std::optional<std::string> adapter_in(const std::string& folder, const std::vector<std::string>& names) {
  const auto found = std::find_if(names.begin(), names.end(), is_adapter_name);
  if (found == names.end()) return std::nullopt;
  const std::string base = adapter_base(folder);
  return fmt::format(
      "holds a LoRA adapter{} ({}), not a whole model; merge it into its base model first, for instance with PEFT's "
      "merge_and_unload() and "
      "save_pretrained(), and give the folder that it writes",
      base.empty() ? "" : " for " + base, printable(*found));
}

std::optional<std::string> sign_in(const std::string& folder, const std::vector<std::string>& names) {
  if (auto adapter = adapter_in(folder, names)) return adapter;
  if (const auto gguf = first_like(names, "*.gguf"); !gguf.empty())
    return fmt::format("holds a GGUF file ({}) and no safetensors; convert it with {}", printable(gguf),
                       convert_command((fs::path(folder) / gguf).string()));
  for (const auto& sign : signs)
    if (const auto name = first_like(names, sign.pattern); !name.empty())
      return fmt::format("holds {} ({}) and no safetensors; {}", sign.what, printable(name), sign.way_out);
  return std::nullopt;
}

bool is_model_file(std::string_view name) {
  return is_weights_name(name) || name == "config.json" || name == "tokenizer.json" ||
         name == "generation_config.json" || name.ends_with(".gguf");
}

/// A folder of a hub cache, where links lead into blobs beside it.
bool is_snapshot(const std::string& folder) {
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const fs::path parent = path.parent_path();
  return parent.filename() == "snapshots" && is_there(parent.parent_path() / "blobs");
}

bool is_link_into_a_cache(const fs::path& path) {
  std::error_code error;
  return fs::read_symlink(path, error).string().find("blobs/") != std::string::npos;
}

}  // namespace

bool is_adapter_name(std::string_view name) {
  return glob_match("adapter_model*.safetensors", name) || glob_match("adapter_model*.bin", name) ||
         name == "adapters.safetensors" || name == "adapter_config.json";
}

bool is_weights_name(std::string_view name) {
  return name == "model.safetensors.index.json" ||
         (name.ends_with(".safetensors") && name.front() != '.' && !is_adapter_name(name));
}

bool has_weights(const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), is_weights_name);
}

std::string adapter_base(const std::string& folder) {
  const std::string path = (fs::path(folder) / "adapter_config.json").string();
  const auto text = read_text_file(path, 1 << 20);
  if (!text.ok()) return "";
  const auto json = parse_json(*text, path);
  if (!json.ok() || !json->is_object() || !json->contains("base_model_name_or_path")) return "";
  const Json& base = (*json)["base_model_name_or_path"];
  return base.is_string() ? printable(base.get_ref<const std::string&>()) : "";
}

std::optional<std::string> foreign_folder(const std::string& folder, const std::vector<std::string>& names) {
  if (auto below = model_below(folder, names)) return below;
  if (auto sign = sign_in(folder, names)) return sign;
  for (const auto& name : deeper_folders(folder, names)) {
    const std::string below = (fs::path(folder) / name).string();
    const auto inside = list_folder(below);
    if (!inside.ok()) continue;
    if (const auto sign = sign_in(below, *inside))
      return fmt::format("has no weights itself; {} {}", printable(name), *sign);
  }
  return std::nullopt;
}

std::string no_weights(const std::string& folder, const std::vector<std::string>& names) {
  if (names.empty()) return "the folder is empty; give one that holds config.json and model.safetensors";
  if (auto foreign = foreign_folder(folder, names)) return *foreign;
  if (!contains(names, "config.json"))
    return "no config.json and no *.safetensors file in it: not the folder of a model";
  return fmt::format("has config.json but no *.safetensors file; {}",
                     was_downloaded(folder, names) ? "repeat the download, it goes on where it stopped"
                                                   : "put the weights beside it, or give the folder that holds both");
}

bool was_downloaded(const std::string& folder, const std::vector<std::string>& names) {
  const fs::path path(folder);
  if (is_snapshot(folder) || is_there(path / ".cache" / "huggingface")) return true;
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return is_link_into_a_cache(path / name); });
}

std::optional<std::string> dangling_file(const std::string& folder, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (is_model_file(name))
      if (const auto problem = dangling_link((fs::path(folder) / name).string()))
        return is_snapshot(folder)
                   ? fmt::format(
                         "{} is a link to a file that is not there; repeat the download, it goes on where it stopped",
                         printable((fs::path(folder) / name).string(), 1024))
                   : problem;
  return std::nullopt;
}

}  // namespace mxpath
