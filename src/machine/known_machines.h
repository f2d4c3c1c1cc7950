// The machines that mxpath knows without a file, and the names people have for them.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "machine/machine.h"

namespace mxpath {

/// A file of tests/machines as it was when the program was built.
struct KnownMachine {
  std::string_view name;  ///< the file's name: "h100"
  std::string_view json;
};

/// All of them, by name.
std::span<const KnownMachine> known_machines();

/// A GPU as it is sold or as the driver names it.
struct Product {
  std::string_view
      name;  ///< "A100 PCIE 40GB"; case, spaces and punctuation do not count, nor do NVIDIA, GeForce, Tesla and GPU
  int capability;            ///< 80 = 8.0
  std::string_view machine;  ///< the known machine that stands for it; "" when none does
};
std::span<const Product> products();

/// The known machine that was meant: by its file's name (h100, h100.json), by a product ("NVIDIA GeForce RTX 3090",
/// "DGX Spark"), or by the full name of a machine, its CPU or its GPU ("Xeon Platinum 8480+" will do). Error: none is
/// meant; the nearest by spelling and all names. A product that is known but has no machine is refused with its
/// capability and the machines that share it. "4x rtx_3090" is any of them with its GPUs four times.
Result<Machine> known_machine(std::string_view typed);

/// "a10, a100_40gb, …": for a message that says what was expected.
std::string known_machine_names();

}  // namespace mxpath
