// SPDX-License-Identifier: MIT
//
// The results as one HTML page that needs nothing else: matrices of ratios, the plane of CPU time
// and memory, and curves over threads and live sets. It follows the reader's light or dark theme.

/// Renders a document.
struct BenchPage {
    let document: BenchDocument
    private let summary: BenchSummary

    init(_ document: BenchDocument) {
        self.document = document
        summary = document.summary
    }

    /// The page.
    func html() -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>hakmem bench, \(Svg.escaped(document.date))</title>
        <style>\(Self.style)</style></head><body>
        <h1>hakmem against its peers</h1>
        <p>\(machine)</p>
        \(allocators)
        <h2>Means</h2>
        <p>Geometric means over all rows, ratio to \(base); less is better. The oracle is the best \
        peer of each row, as if one could choose.</p>
        \(means)
        <h2>CPU time and memory</h2>
        \(pareto)
        \(matrices)
        \(instructions)
        \(curves)
        \(leftOut)
        </body></html>

        """
    }

    private var base: String { Svg.escaped(document.base ?? "–") }

    private var machine: String {
        let machine = document.machine
        return Svg.escaped(
            """
            \(document.date) · \(machine.processor), \(machine.processorCount) processors, \
            \(machine.memoryMib) MiB · Linux \(machine.kernel), \(machine.cLibrary), huge pages \
            \(machine.hugePages) · \(document.roundsMade) rounds
            """)
    }

    private var allocators: String {
        let lines = document.allocators.map { allocator in
            let variables = allocator.variables.map { " \($0)" }.joined()
            return "<li><b>\(Svg.escaped(allocator.name))</b> "
                + "\(Svg.escaped(FileContents.name(of: allocator.library) + variables))</li>"
        }
        return "<ul class=\"names\">\(lines.joined())</ul>"
    }

    func heading(_ words: [String]) -> String {
        "<tr>" + words.map { "<th>\(Svg.escaped($0))</th>" }.joined() + "</tr>\n"
    }

    private var means: String {
        var table = heading(
            ["metric"] + document.names + ["oracle", "\(summary.subject ?? "–") to best peer"])
        for metric in Metric.allCases where document.hasFigures(metric) {
            table += "<tr><th>\(metric.title)</th>"
            for name in document.names { table += cell(summary.geomean(name, metric)) }
            table += cell(summary.oracle(metric)) + cell(summary.geomeanToBest(metric)) + "</tr>\n"
        }
        return "<div class=\"wide\"><table>\(table)</table></div>"
    }

    /// A ratio with its colour: the further from 1, the stronger.
    private func cell(_ ratio: Double?, title: String = "", isNoise: Bool = false) -> String {
        guard let ratio else { return "<td class=\"none\">–</td>" }
        let mark = isNoise ? BenchDocument.noiseMark : ""
        let hint = title.isEmpty ? "" : " title=\"\(Svg.escaped(title))\""
        let text =
            ratio < 100 ? Numbers.decimal(ratio, digits: 2) : Numbers.decimal(ratio, digits: 0)
        return "<td class=\"\(Self.shade(ratio))\"\(hint)>\(mark)\(text)</td>"
    }

    /// The class of a ratio: `b` for better, `w` for worse, and a strength from 0 to 4.
    static func shade(_ ratio: Double) -> String {
        let bounds = [1.03, 1.15, 1.4, 2.0]
        let factor = ratio < 1 ? 1 / ratio : ratio
        let strength = bounds.filter { factor > $0 }.count
        return "\(ratio < 1 ? "b" : "w")\(strength)"
    }

    private var matrices: String {
        Metric.allCases.filter(document.hasFigures).map { metric in
            """
            <h2>\(metric.title)</h2>
            <p>Ratio to \(base), of medians. The last column puts \
            \(Svg.escaped(summary.subject ?? "–")) in proportion to the best peer of the row; \
            \(BenchDocument.noiseMark) marks a difference within the spread of either.</p>
            \(matrix(metric))
            """
        }.joined()
    }

    private func matrix(_ metric: Metric) -> String {
        var table = heading(
            ["row", "figure of \(document.base ?? "–")"] + document.names
                + ["best peer", "to it"])
        for family in summary.families {
            table +=
                "<tr><th class=\"family\" colspan=\"\(document.names.count + 4)\">"
                + "\(Svg.escaped(family))</th></tr>\n"
            for row in document.rows where row.row.family == family {
                table += line(row, metric)
            }
        }
        return "<div class=\"wide\"><table>\(table)</table></div>\n"
    }

    private func line(_ row: BenchRowResult, _ metric: Metric) -> String {
        guard row.cells.contains(where: { $0.estimate(metric) != nil }) else { return "" }
        let reference = document.base.flatMap { row.cell($0)?.estimate(metric)?.median }
        var line = """
            <tr><th title="\(Svg.escaped(row.row.summary))">\(Svg.escaped(row.row.title))</th>\
            <td class="figure">\(reference.map(metric.text) ?? "–")</td>
            """
        for name in document.names {
            let ratio = document.base.flatMap { row.ratio(name, to: $0, metric) }
            let estimate = row.cell(name)?.estimate(metric)
            let range = estimate.map {
                "\(metric.text($0.median)), of \(metric.text($0.min)) – \(metric.text($0.max))"
            }
            line += cell(ratio, title: range ?? "")
        }
        let best = row.best(of: summary.peers, metric)
        line += "<td class=\"none\">\(Svg.escaped(best?.allocator ?? "–"))</td>"
        if let best, let subject = summary.subject {
            line += cell(
                row.ratio(subject, to: best, metric),
                isNoise: row.isNoise(subject, against: best, metric))
        } else {
            line += cell(nil)
        }
        return line + "</tr>\n"
    }

    private var instructions: String {
        var lines = ""
        for row in document.rows {
            let counts = document.names.map { row.cell($0)?.instructionsPerOperation }
            guard counts.contains(where: { $0 != nil }) else { continue }
            let cells = counts.map { count in
                "<td>\(count.map { Numbers.decimal($0, digits: 1) } ?? "–")</td>"
            }
            lines += "<tr><th>\(Svg.escaped(row.row.title))</th>\(cells.joined())</tr>\n"
        }
        guard !lines.isEmpty else { return "" }
        return """
            <h2>Instructions</h2><p>An operation's, the workload's own included.</p>
            <div class="wide"><table>\(heading(["row"] + document.names))\(lines)</table></div>
            """
    }

    private var leftOut: String {
        let lines = document.skipped + document.failures
        guard !lines.isEmpty else { return "" }
        let items = lines.map { "<li>\(Svg.escaped($0))</li>" }.joined()
        return "<h2>Not measured</h2><ul>\(items)</ul>"
    }
}
