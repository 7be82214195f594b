// SPDX-License-Identifier: MIT
//
// The summary matrix of the README: a line a family, between two marks that stay.

/// Writes the summary into Markdown.
struct BenchReadme {
    static let start = "<!-- bench -->"
    static let end = "<!-- /bench -->"

    let document: BenchDocument

    /// `markdown` with everything between the marks replaced; `path` is named when they lack.
    func inserted(into markdown: String, path: String) throws -> String {
        guard let start = Self.position(of: Self.start, in: markdown),
            let end = Self.position(of: Self.end, in: markdown), start.upper <= end.lower
        else {
            throw Failure(
                "'\(path)' has no place for the matrix; put '\(Self.start)' and '\(Self.end)' there"
            )
        }
        return String(markdown[..<start.upper]) + "\n" + summaryText() + markdown[end.lower...]
    }

    /// The matrix with machine and date.
    func summaryText() -> String {
        let machine = document.machine
        let base = document.base ?? "–"
        var text = """
            \(document.date.prefix(10)), \(machine.processor), \(machine.processorCount) \
            processors, Linux \(machine.kernel), \(machine.cLibrary), huge pages \
            \(machine.hugePages). Geometric means of \(document.rows.count) rows, each a \
            median of \(document.roundsMade) rounds, ratio to \(base); less is better. The \
            oracle is the best peer of each row.


            """
        let libraries = document.allocators.map { allocator in
            let words = [FileContents.name(of: allocator.library)] + allocator.variables
            return "\(allocator.name) (\(words.joined(separator: " ")))"
        }
        text += "Libraries: \(libraries.joined(separator: ", "))."
        if document.allocators.contains(where: { $0.role == .variant }) {
            text += " Those with variables are shown beside and are never the best peer."
        }
        text += "\n\n"
        for metric in [Metric.cpu, .peak, .idle] where document.hasFigures(metric) {
            text += matrix(metric).markdown() + "\n"
        }
        return text
    }

    private func matrix(_ metric: Metric) -> TextTable {
        let summary = document.summary
        var table = TextTable(
            headings: [metric.title] + document.names
                + ["oracle", "\(summary.subject ?? "–") to best peer"],
            numericColumns: Set(1...document.names.count + 2))
        func append(_ title: String, _ part: BenchSummary) {
            let means = document.names.map { part.geomean($0, metric) }
            guard means.contains(where: { $0 != nil }) else { return }
            let cells = means + [part.oracle(metric), part.geomeanToBest(metric)]
            table.append(
                [title] + cells.map { $0.map { Numbers.decimal($0, digits: 2) } ?? "–" })
        }
        for family in summary.families {
            append(family, summary.filtered { $0.family == family })
        }
        append("**all rows**", summary)
        return table
    }

    /// Where a mark that is there once begins and ends.
    private static func position(
        of mark: String, in text: String
    ) -> (lower: String.Index, upper: String.Index)? {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index...].hasPrefix(mark) {
                return (index, text.index(index, offsetBy: mark.count))
            }
            index = text.index(after: index)
        }
        return nil
    }
}
