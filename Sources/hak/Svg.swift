// SPDX-License-Identifier: MIT
//
// Charts as SVG text. Colours are variables of the page's style, so that they follow its theme.

import Glibc

/// An axis whose steps are factors.
struct LogAxis: Equatable {
    let min: Double
    let max: Double
    /// Where the axis begins and ends, in pixels.
    let start: Double
    let end: Double

    /// An axis that holds all `values`, which are positive, with some air.
    init(holding values: [Double], start: Double, end: Double) {
        let least = values.min() ?? 1
        let most = values.max() ?? 1
        min = least * 0.9
        max = Swift.max(most * 1.1, least * 1.2)
        self.start = start
        self.end = end
    }

    /// The pixel of a value.
    func position(_ value: Double) -> Double {
        start + (log(value) - log(min)) / (log(max) - log(min)) * (end - start)
    }

    /// Round values within the axis, about half a dozen: 1, 2, 5 of each decade, or fewer.
    var ticks: [Double] {
        var ticks: [Double] = []
        var decade = pow(10, log10(min).rounded(.down))
        while decade <= max {
            for digit in [1.0, 1.5, 2, 3, 5, 7] where (min...max).contains(digit * decade) {
                ticks.append(digit * decade)
            }
            decade *= 10
        }
        if ticks.count > 8 { ticks = ticks.filter { Svg.isOneTwoFive($0) } }
        if ticks.count > 8 { ticks = ticks.filter { Svg.isPowerOfTen($0) } }
        return ticks
    }
}

/// How a line of a chart is drawn.
struct Look: Equatable {
    /// A variable of the page's style.
    let color: String
    /// The lengths of strokes and gaps; nil for a line without gaps.
    var dash: String?

    /// The harness by itself.
    static let harness = Look(color: "--soft", dash: "2 4")
    /// Colours of the page's style, from `--c0`.
    private static let colorCount = 8
    private static let dashes = ["7 4", "3 3", "9 3 2 3"]

    /// The look of a contestant: `color` counts libraries, `variant` those with the same one, from
    /// 0, which has no variables.
    init(color: Int, variant: Int = 0) {
        self.color = "--c\(color % Self.colorCount)"
        dash = variant == 0 ? nil : Self.dashes[(variant - 1) % Self.dashes.count]
    }

    private init(color: String, dash: String) {
        self.color = color
        self.dash = dash
    }

    fileprivate var paint: String { "var(\(color))" }
}

/// A line of a chart.
struct Series: Equatable {
    let name: String
    let look: Look
    /// Positive pairs, ascending in the first.
    let points: [(x: Double, y: Double)]

    static func == (left: Series, right: Series) -> Bool {
        left.name == right.name && left.look == right.look
            && left.points.elementsEqual(right.points, by: ==)
    }
}

/// Drawings of one size.
enum Svg {
    private static let width = 460.0
    private static let height = 300.0
    private static let left = 56.0
    private static let right = 330.0
    private static let top = 16.0
    private static let bottom = 258.0

    /// Text in which HTML and XML see no markup.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    /// Lines over factors in both directions.
    static func curves(
        _ series: [Series], title: String, xTitle: String, yTitle: String
    ) -> String {
        let points = series.flatMap(\.points)
        guard !points.isEmpty else { return "" }
        let x = LogAxis(holding: points.map(\.x), start: left, end: right)
        let y = LogAxis(holding: points.map(\.y), start: bottom, end: top)
        var body = axes(x, y, xTicks: distinct(points.map(\.x)), xTitle: xTitle, yTitle: yTitle)
        for (line, one) in series.enumerated() {
            let color = one.look.paint
            let dash = one.look.dash.map { " stroke-dasharray=\"\($0)\"" } ?? ""
            let path = one.points.map { "\(pixel(x.position($0.x))),\(pixel(y.position($0.y)))" }
            body += """
                <polyline fill="none" stroke="\(color)" stroke-width="2"\(dash) \
                points="\(path.joined(separator: " "))"/>

                """
            for point in one.points {
                let text = "\(one.name): \(Numbers.figure(point.y))"
                body += dot(x.position(point.x), y.position(point.y), color, text)
            }
            let height = top + 14 + Double(line) * 18
            body += """
                <line x1="\(pixel(right + 8))" x2="\(pixel(right + 28))" \
                y1="\(pixel(height - 3))" y2="\(pixel(height - 3))" stroke="\(color)" \
                stroke-width="2.5"\(dash)/>
                <text x="\(pixel(right + 33))" y="\(pixel(height + 1))">\(escaped(one.name))</text>

                """
        }
        return frame(body, title: title)
    }

    /// Named points; the lower left is best. Those of variants are rings.
    static func scatter(
        _ series: [Series], title: String, xTitle: String, yTitle: String
    ) -> String {
        let points = series.flatMap(\.points)
        guard !points.isEmpty else { return "" }
        let x = LogAxis(holding: points.map(\.x) + [1], start: left, end: right)
        let y = LogAxis(holding: points.map(\.y) + [1], start: bottom, end: top)
        var body = axes(x, y, xTicks: x.ticks, xTitle: xTitle, yTitle: yTitle)
        let dots = series.flatMap { one in
            one.points.map { point in
                (series: one, x: x.position(point.x), y: y.position(point.y))
            }
        }
        var labels = PointLabels(dots.map { ($0.x, $0.y) }, width: width, height: bottom)
        for dot in dots {
            let isRing = dot.series.look.dash != nil
            body += Self.dot(
                dot.x, dot.y, dot.series.look.paint, dot.series.name, radius: isRing ? 5 : 6,
                isRing: isRing)
            let label = labels.place(dot.series.name, at: (dot.x, dot.y))
            let anchor = label.isEnd ? " text-anchor=\"end\"" : ""
            if label.isFar {
                body += """
                    <line class="lead" x1="\(pixel(dot.x))" y1="\(pixel(dot.y))" \
                    x2="\(pixel(label.x))" y2="\(pixel(label.y - 4))"/>

                    """
            }
            body += """
                <text x="\(pixel(label.x))" y="\(pixel(label.y))"\(anchor)>\
                \(escaped(dot.series.name))</text>

                """
        }
        return frame(body, title: title)
    }

    static func isOneTwoFive(_ value: Double) -> Bool {
        let digit = value / pow(10, log10(value * 1.000001).rounded(.down))
        return [1.0, 2, 5].contains { (digit - $0).magnitude < 0.01 }
    }

    static func isPowerOfTen(_ value: Double) -> Bool {
        let digit = value / pow(10, log10(value * 1.000001).rounded(.down))
        return (digit - 1).magnitude < 0.01
    }

    private static func distinct(_ values: [Double]) -> [Double] {
        var distinct: [Double] = []
        for value in values.sorted() where distinct.last != value { distinct.append(value) }
        return distinct
    }

    private static func dot(
        _ x: Double, _ y: Double, _ color: String, _ text: String, radius: Int = 3,
        isRing: Bool = false
    ) -> String {
        let paint =
            isRing
            ? "fill=\"none\" stroke=\"\(color)\" stroke-width=\"2.5\"" : "fill=\"\(color)\""
        return """
            <circle cx="\(pixel(x))" cy="\(pixel(y))" r="\(radius)" \(paint)>\
            <title>\(escaped(text))</title></circle>

            """
    }

    private static func axes(
        _ x: LogAxis, _ y: LogAxis, xTicks: [Double], xTitle: String, yTitle: String
    ) -> String {
        var body = ""
        for tick in y.ticks {
            let height = pixel(y.position(tick))
            body += """
                <line class="grid" x1="\(pixel(left))" y1="\(height)" x2="\(pixel(right))" \
                y2="\(height)"/>
                <text class="tick" text-anchor="end" x="\(pixel(left - 6))" \
                y="\(pixel(y.position(tick) + 4))">\(label(tick))</text>

                """
        }
        for tick in xTicks {
            let across = pixel(x.position(tick))
            body += """
                <line class="grid" x1="\(across)" y1="\(pixel(top))" x2="\(across)" \
                y2="\(pixel(bottom))"/>
                <text class="tick" text-anchor="middle" x="\(across)" \
                y="\(pixel(bottom + 16))">\(label(tick))</text>

                """
        }
        return body + """
            <text text-anchor="middle" x="\(pixel((left + right) / 2))" \
            y="\(pixel(bottom + 34))">\(escaped(xTitle))</text>
            <text text-anchor="middle" x="14" y="\(pixel((top + bottom) / 2))" \
            transform="rotate(-90 14 \(pixel((top + bottom) / 2)))">\(escaped(yTitle))</text>

            """
    }

    private static func label(_ value: Double) -> String {
        if value >= 1_000 { return Numbers.short(Int(value.rounded())) }
        if value >= 10 { return Numbers.decimal(value, digits: 0) }
        let short = Numbers.decimal(value, digits: value < 0.1 ? 2 : 1)
        return short.hasSuffix(".0") ? String(short.dropLast(2)) : short
    }

    private static func pixel(_ value: Double) -> String { Numbers.decimal(value, digits: 1) }

    private static func frame(_ body: String, title: String) -> String {
        """
        <figure><figcaption>\(escaped(title))</figcaption>
        <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" \
        aria-label="\(escaped(title))">
        \(body)</svg></figure>

        """
    }
}
