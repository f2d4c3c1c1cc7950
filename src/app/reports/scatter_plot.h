// A plot as SVG.
#pragma once
#include <string>
#include <vector>

namespace mxpath {

/// Points with labels; x is linear from 0, y logarithmic. A y of 0 (or below what the axis can hold) lies on the axis
/// and says so.
struct ScatterPlot {
  struct Point {
    double x, y;
    std::string label;
  };
  std::string title, subtitle, x_label, y_label;
  std::vector<Point> points;
};

/// A self-contained file: system fonts, colours for light and dark ground (prefers-color-scheme).
std::string to_svg(const ScatterPlot& plot);

/// Round numbers from 0 to at least `most`, about six of them.
std::vector<double> linear_ticks(double most);
/// Exponents of the decades from the one that holds `least` to the one that `most` stays below; at most eight, the
/// upper ones.
std::vector<int> decade_ticks(double least, double most);

}  // namespace mxpath
