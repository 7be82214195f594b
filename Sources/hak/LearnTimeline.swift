// SPDX-License-Identifier: MIT
//
// The windows of a run as a drawing that needs nothing else: costs, memory, and what was decided.
//
//   cost      a dot a window, in the colour of its strategy, over time; less is better
//   memory    what the heap holds, and what of that is the program's
//   state     a band: learning, frozen, canary

enum LearnTimeline {
    private static let width = 960.0
    private static let left = 64.0
    private static let right = 770.0
    private static let costTop = 40.0
    private static let costBottom = 240.0
    private static let memoryTop = 270.0
    private static let memoryBottom = 370.0
    private static let bandTop = 390.0
    private static let bandBottom = 410.0
    private static let height = 450.0

    private static let colors = [
        "#444444", "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b",
        "#e377c2", "#bcbd22", "#000080", "#008060",
    ]

    static func svg(_ windows: [LearnWindow], title: String) -> String {
        var body = """
            <text x="\(pixel(left))" y="20" font-weight="bold">\(Svg.escaped(title)): \
            \(windows.count) windows</text>

            """
        if let first = windows.first, let last = windows.last {
            let names = last.ratings.keys.sorted()
            let start = Double(first.endMs)
            let across = LinearAxis(
                min: start, max: max(Double(last.endMs), start + 1), start: left, end: right)
            body += costs(windows, names, across) + memory(windows, across) + band(windows, across)
            body += legend(last, names)
            body += label(
                (left + right) / 2, height - 12, "middle",
                "\(Numbers.decimal((Double(last.endMs) - start) / 1000, digits: 1)) s")
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            \(body)</svg>

            """
    }

    private static func costs(
        _ windows: [LearnWindow], _ names: [String], _ across: LinearAxis
    ) -> String {
        let measured = windows.filter { $0.costPermille > 0 }
        let values = measured.map { Double($0.costPermille) / 1000 }
        let down = LogAxis(holding: values + [1], start: costBottom, end: costTop)
        var body = label(left - 8, costTop - 8, "end", "cost")
        for tick in down.ticks {
            body += line(left, down.position(tick), right, down.position(tick), "#dddddd")
            body += label(
                left - 8, down.position(tick) + 4, "end", Numbers.decimal(tick, digits: 1))
        }
        for (window, value) in zip(measured, values) {
            let text = "\(window.strategy): \(window.reason)"
            body += """
                <circle cx="\(pixel(across.position(Double(window.endMs))))" \
                cy="\(pixel(down.position(value)))" r="3" fill="\(color(window.strategy, names))">\
                <title>\(Svg.escaped(text))</title></circle>

                """
        }
        return body
    }

    private static func memory(_ windows: [LearnWindow], _ across: LinearAxis) -> String {
        let most = windows.map(\.residentBytes).max() ?? 0
        let down = LinearAxis(
            min: 0, max: max(Double(most), 1), start: memoryBottom, end: memoryTop)
        let mebibytes = Numbers.decimal(Double(most) / 1_048_576, digits: 1)
        var body = label(left - 8, memoryTop + 4, "end", "\(mebibytes) MiB")
        body += label(left - 8, memoryBottom + 4, "end", "0")
        body += line(left, memoryBottom, right, memoryBottom, "#dddddd")
        for (bytes, color) in [(\LearnWindow.residentBytes, "#d62728"), (\.liveBytes, "#1f77b4")] {
            let points = windows.map { window in
                let x = across.position(Double(window.endMs))
                return "\(pixel(x)),\(pixel(down.position(Double(window[keyPath: bytes]))))"
            }
            body += """
                <polyline fill="none" stroke="\(color)" points="\(points.joined(separator: " "))"/>

                """
        }
        body += label(right + 10, memoryTop + 12, "start", "held", "#d62728")
        return body + label(right + 10, memoryTop + 30, "start", "of it the program's", "#1f77b4")
    }

    private static func band(_ windows: [LearnWindow], _ across: LinearAxis) -> String {
        let fills = ["LEARN": "#ffe08a", "FROZEN": "#b9d9f0", "CANARY": "#f4b6a6"]
        var body = ""
        for (window, next) in zip(windows, windows.dropFirst()) {
            let (from, to) = (
                across.position(Double(window.endMs)), across.position(Double(next.endMs))
            )
            body += """
                <rect x="\(pixel(from))" y="\(pixel(bandTop))" width="\(pixel(to - from))" \
                height="\(pixel(bandBottom - bandTop))" fill="\(fills[next.state] ?? "#eeeeee")">\
                <title>\(Svg.escaped("\(next.state): \(next.reason)"))</title></rect>

                """
        }
        for (index, state) in ["LEARN", "FROZEN", "CANARY"].enumerated() {
            let x = right + 10 + Double(index) * 58
            body += label(x, bandTop + 14, "start", state, fills[state] ?? "black")
        }
        return body
    }

    private static func legend(_ last: LearnWindow, _ names: [String]) -> String {
        var body = ""
        for (row, entry) in last.leaderboard.enumerated() {
            let y = costTop + 4 + Double(row) * 16
            body += """
                <circle cx="\(pixel(right + 16))" cy="\(pixel(y - 4))" r="4" \
                fill="\(color(entry.name, names))"/>

                """
            body += label(right + 26, y, "start", "\(entry.name) \(entry.rating)")
        }
        return body
    }

    private static func color(_ name: String, _ names: [String]) -> String {
        colors[(names.firstIndex(of: name) ?? 0) % colors.count]
    }

    private static func line(
        _ x: Double, _ y: Double, _ toX: Double, _ toY: Double, _ color: String
    ) -> String {
        """
        <line x1="\(pixel(x))" y1="\(pixel(y))" x2="\(pixel(toX))" y2="\(pixel(toY))" \
        stroke="\(color)"/>

        """
    }

    private static func label(
        _ x: Double, _ y: Double, _ anchor: String, _ text: String, _ color: String = "black"
    ) -> String {
        """
        <text x="\(pixel(x))" y="\(pixel(y))" text-anchor="\(anchor)" fill="\(color)">\
        \(Svg.escaped(text))</text>

        """
    }

    private static func pixel(_ value: Double) -> String { Numbers.decimal(value, digits: 1) }
}

/// An axis whose steps are sums.
private struct LinearAxis {
    let min: Double
    let max: Double
    let start: Double
    let end: Double

    func position(_ value: Double) -> Double {
        start + (value - min) / (max - min) * (end - start)
    }
}
