#include "app/reports/scatter_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace mxpath {
namespace {

constexpr double width = 760, height = 480, left = 84, right = 28, top = 66, bottom = 58;
constexpr double plot_right = width - right, plot_bottom = height - bottom;
constexpr double line_height = 16, character = 7.4;  // of a label, pixels
constexpr int most_decades = 8;

constexpr const char* style =
    "<style>\n"
    "  text { font: 13px system-ui, sans-serif; fill: #24292f }\n"
    "  .title { font-size: 16px; font-weight: 600 } .dim { fill: #57606a }\n"
    "  .ground { fill: #ffffff } .grid { stroke: #d0d7de } .axis { stroke: #57606a } .point { fill: #0969da } .lead { "
    "stroke: #8c959f }\n"
    "  @media (prefers-color-scheme: dark) {\n"
    "    text { fill: #e6edf3 } .dim { fill: #9198a1 }\n"
    "    .ground { fill: #0d1117 } .grid { stroke: #30363d } .axis { stroke: #9198a1 } .point { fill: #58a6ff } .lead "
    "{ stroke: #6e7681 }\n"
    "  }\n"
    "</style>\n";

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

std::string text_at(double x, double y, const std::string& text, std::string_view more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}>{}</text>\n", x, y, more, escaped(text));
}

std::string line_at(double x0, double y0, double x1, double y1, std::string_view kind) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kind, x0, y0, x1,
                     y1);
}

/// Where values lie on the page.
struct Frame {
  std::vector<double> x_ticks;
  std::vector<int> y_ticks;

  explicit Frame(const ScatterPlot& plot) {
    double widest = 0, least = 1e300, most = 0;
    for (const auto& point : plot.points) {
      widest = std::max(widest, point.x), most = std::max(most, point.y);
      if (point.y > 0) least = std::min(least, point.y);
    }
    x_ticks = linear_ticks(widest), y_ticks = decade_ticks(least, most);
  }
  double x(double value) const { return left + (plot_right - left) * value / x_ticks.back(); }
  double y(double value) const {
    const double exponent = value > 0 ? std::log10(value) : -1e9, low = y_ticks.front(), high = y_ticks.back();
    return plot_bottom - (plot_bottom - top) * std::clamp((exponent - low) / (high - low), 0.0, 1.0);
  }
  bool below(double value) const { return value < std::pow(10.0, y_ticks.front()); }
};

std::string axes(const ScatterPlot& plot, const Frame& frame) {
  std::string out;
  for (double tick : frame.x_ticks) {
    out += line_at(frame.x(tick), top, frame.x(tick), plot_bottom, "grid");
    out += text_at(frame.x(tick), plot_bottom + 20, fmt::format("{:g}", tick), " text-anchor=\"middle\" class=\"dim\"");
  }
  for (int tick : frame.y_ticks) {
    const double y = frame.y(std::pow(10.0, tick));
    out += line_at(left, y, plot_right, y, "grid");
    out += text_at(left - 10, y + 4, fmt::format("1e{}", tick), " text-anchor=\"end\" class=\"dim\"");
  }
  out += line_at(left, plot_bottom, plot_right, plot_bottom, "axis") + line_at(left, top, left, plot_bottom, "axis");
  out += text_at((left + plot_right) / 2, height - 14, plot.x_label, " text-anchor=\"middle\"");
  return out + fmt::format("<text transform=\"translate(20 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                           (top + plot_bottom) / 2, escaped(plot.y_label));
}

/// A label's box on the page.
struct Box {
  double x, y, width;  // y: of the base line
  bool meets(const Box& other) const {
    return x < other.x + other.width && other.x < x + width && std::abs(y - other.y) < line_height;
  }
};

/// Places a label beside its point, on the side with room, moved up or down until it covers no other label.
Box place_label(double px, double py, double text_width, const std::vector<Box>& taken) {
  const double x = px + 10 + text_width > plot_right ? px - 10 - text_width : px + 10;
  for (int step = 0; step < 40; ++step) {
    const int lines = (step + 1) / 2;
    const double shift = (step % 2 ? lines : -lines) * line_height;
    const Box box{x, std::clamp(py + 4 + shift, top + 4, plot_bottom - 4), text_width};
    if (std::ranges::none_of(taken, [&](const Box& other) { return box.meets(other); })) return box;
  }
  return {x, py + 4, text_width};
}

std::string points_of(const ScatterPlot& plot, const Frame& frame) {
  std::string out;
  std::vector<Box> taken;
  for (const auto& point : plot.points) taken.push_back({frame.x(point.x) - 6, frame.y(point.y) + 4, 12});
  for (size_t i = 0; i < plot.points.size(); ++i) {
    const auto& point = plot.points[i];
    const double x = frame.x(point.x), y = frame.y(point.y);
    const std::string label = frame.below(point.y) ? fmt::format("{} ({:.0e})", point.label, point.y) : point.label;
    const Box own = std::exchange(taken[i], Box{-1e9, -1e9, 0});
    const Box box = place_label(x, y, static_cast<double>(label.size()) * character, taken);
    taken[i] = own, taken.push_back(box);
    if (std::abs(box.y - y - 4) > 1) out += line_at(x, y, box.x < x ? box.x + box.width : box.x - 2, box.y - 4, "lead");
    out += fmt::format("<circle class=\"point\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"/>\n", x, y) +
           text_at(box.x, box.y, label);
  }
  return out;
}

}  // namespace

std::vector<double> linear_ticks(double most) {
  if (!(most > 0)) return {0, 1};
  const double rough = most / 6, decade = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * decade >= rough) {
      step = factor * decade;
      break;
    }
  std::vector<double> ticks;
  for (int i = 0; ticks.empty() || ticks.back() < most; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<int> decade_ticks(double least, double most) {
  if (!(most > 0)) return {-6, -5};
  const int high = static_cast<int>(std::ceil(std::log10(most)));
  const int low = std::clamp(static_cast<int>(std::floor(std::log10(least))), high - most_decades, high - 1);
  std::vector<int> ticks;
  for (int exponent = low; exponent <= high; ++exponent) ticks.push_back(exponent);
  return ticks;
}

std::string to_svg(const ScatterPlot& plot) {
  const Frame frame(plot);
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
             "height=\"{1:.0f}\" "
             "role=\"img\">\n<title>{2}</title>\n",
             width, height, escaped(plot.title)) +
         style + fmt::format("<rect class=\"ground\" width=\"{:.0f}\" height=\"{:.0f}\"/>\n", width, height) +
         text_at(left, 26, plot.title, " class=\"title\"") + text_at(left, 48, plot.subtitle, " class=\"dim\"") +
         axes(plot, frame) + points_of(plot, frame) + "</svg>\n";
}

}  // namespace mxpath
