// SPDX-License-Identifier: MIT
//
// Tables for people: aligned columns on a terminal, or Markdown.

/// Rows of text under headings.
///
/// Invariant: every row has as many cells as there are headings.
struct TextTable {
    let headings: [String]
    /// The columns of numbers, which align to the right.
    let numericColumns: Set<Int>
    private(set) var rows: [[String]] = []

    init(headings: [String], numericColumns: Set<Int> = []) {
        self.headings = headings
        self.numericColumns = numericColumns
    }

    mutating func append(_ row: [String]) {
        precondition(row.count == headings.count)
        rows.append(row)
    }

    /// Columns as wide as their widest cell, two spaces apart.
    func plain() -> String {
        let widths = headings.indices.map { column in
            ([headings] + rows).map { $0[column].count }.max() ?? 0
        }
        return ([headings] + rows).map { row in
            let cells = row.indices.map { column in
                padded(row[column], to: widths[column], right: numericColumns.contains(column))
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    func markdown() -> String {
        let rules = headings.indices.map { numericColumns.contains($0) ? "---:" : "---" }
        let cells = rows.map { row in row.map(escaped) }
        return ([headings, rules] + cells).map { "| \($0.joined(separator: " | ")) |\n" }.joined()
    }

    /// A bar would end the cell.
    private func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    private func padded(_ text: String, to width: Int, right: Bool) -> String {
        let space = String(repeating: " ", count: width - text.count)
        return right ? space + text : text + space
    }
}
