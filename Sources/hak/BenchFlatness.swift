// SPDX-License-Identifier: MIT
//
// Whether an operation costs the same in a live set of any count: the rows of one workload side by
// side, and what is left of each figure without that of the same accesses alone.

/// A workload over its live sets.
struct BenchFlatness: Equatable {
    /// An allocator's figures, one a live set; nil where it has none.
    struct Line: Equatable {
        let allocator: String
        /// CPU nanoseconds an operation: the least of the processes, which a disturbed one does
        /// not move.
        let cpuNs: [Double?]
        /// The same without the accesses of the workload; nil without a figure of those.
        let ownNs: [Double?]

        /// The largest of the own figures to the least; nil below two, and where an access alone
        /// costs as much as with the allocator.
        var factor: Double? {
            let values = ownNs.compactMap { $0 }
            guard values.count > 1, let least = values.min(), least > 0 else { return nil }
            return (values.max() ?? least) / least
        }
    }

    let workload: String
    /// Ascending.
    let live: [Int]
    let lines: [Line]

    /// One for each workload of a document that has several live sets.
    static func all(of document: BenchDocument) -> [BenchFlatness] {
        var names: [String] = []
        for row in document.rows where row.row.live != nil && !names.contains(row.row.name) {
            names.append(row.row.name)
        }
        return names.compactMap { name in
            let rows = document.rows.filter { $0.row.name == name && $0.row.live != nil }
            return rows.count > 1 ? BenchFlatness(name, rows, document.names) : nil
        }
    }

    private init(_ workload: String, _ rows: [BenchRowResult], _ allocators: [String]) {
        let rows = rows.sorted { ($0.row.live ?? 0) < ($1.row.live ?? 0) }
        let alone = rows.map { $0.touch?.estimate(.cpu)?.min }
        self.workload = workload
        live = rows.compactMap(\.row.live)
        var lines = allocators.compactMap { name -> Line? in
            let figures = rows.map { $0.cell(name)?.estimate(.cpu)?.min }
            guard figures.contains(where: { $0 != nil }) else { return nil }
            let own = zip(figures, alone).map { figure, alone in
                figure.flatMap { figure in alone.map { figure - $0 } }
            }
            return Line(allocator: name, cpuNs: figures, ownNs: own)
        }
        if alone.contains(where: { $0 != nil }) {
            lines.append(
                Line(
                    allocator: BenchRunner.touch, cpuNs: alone,
                    ownNs: Array(repeating: nil, count: alone.count)))
        }
        self.lines = lines
    }

    /// What the columns stand for.
    static let caption = """
        CPU ns an operation, the least of the processes; own: without the same accesses to table \
        and blocks alone (touch); most to least: of the own figures
        """

    var headings: [String] {
        let counts = live.map(Numbers.short)
        return ["live blocks"] + counts + counts.map { "own \($0)" } + ["most to least"]
    }

    /// A line's cells behind its name.
    func cells(_ line: Line) -> [String] {
        (line.cpuNs + line.ownNs).map { $0.map { Numbers.decimal($0, digits: 1) } ?? "–" }
            + [Numbers.ratio(line.factor)]
    }

    func table() -> TextTable {
        var table = TextTable(headings: headings, numericColumns: Set(1..<headings.count))
        for line in lines { table.append([line.allocator] + cells(line)) }
        return table
    }
}
