// SPDX-License-Identifier: MIT
//
// Two runs of `hak bench`: what changed from one to the other in every cell of an allocator.

/// One figure before and after.
struct BenchChange: Equatable {
    let row: BenchRow
    let metric: Metric
    let old: Estimate
    let new: Estimate
    /// Whether the processes of both runs made the same operations.
    let isSameWork: Bool

    /// Below 1 is better; nil where the old figure is 0.
    var ratio: Double? { old.median > 0 ? new.median / old.median : nil }
    /// Whether the change is within the spread of either run.
    var isNoise: Bool { new.isWithinSpread(of: old) }
}

/// What two documents have in common.
struct BenchComparison {
    let old: BenchDocument
    let new: BenchDocument
    let allocator: String

    /// Every cell that both runs have.
    func changes(_ metric: Metric) -> [BenchChange] {
        new.rows.compactMap { row in
            let before = old.rows.first { Self.isSame($0.row, row.row) }
            guard let old = before?.cell(allocator)?.estimate(metric),
                let new = row.cell(allocator)?.estimate(metric)
            else { return nil }
            let operations = [before, row].map { $0?.cell(allocator)?.samples.first?.operations }
            return BenchChange(
                row: row.row, metric: metric, old: old, new: new,
                isSameWork: operations[0] == operations[1])
        }
    }

    /// Whether two rows measure the same; how they are described may differ.
    static func isSame(_ one: BenchRow, _ other: BenchRow) -> Bool {
        (one.name, one.family) == (other.name, other.family)
            && one.threads == other.threads && one.live == other.live
    }

    /// The allocators that both runs have.
    static func common(_ old: BenchDocument, _ new: BenchDocument) -> [String] {
        new.names.filter(old.names.contains)
    }

    /// The tables: one a metric, and the mean of all.
    func text() -> String {
        var text = "\(allocator): \(old.date) → \(new.date)\n"
        if old.machine != new.machine {
            text += "the machines differ: \(old.machine.processor), Linux \(old.machine.kernel) → "
            text += "\(new.machine.processor), Linux \(new.machine.kernel)\n"
        }
        for metric in Metric.allCases {
            let changes = changes(metric)
            guard !changes.isEmpty else { continue }
            var table = TextTable(
                headings: ["row", "old \(metric.unit)", "new", "ratio", ""],
                numericColumns: [1, 2, 3])
            for change in changes {
                table.append([
                    change.row.title, Numbers.figure(change.old.median),
                    Numbers.figure(change.new.median), Numbers.ratio(change.ratio),
                    Self.verdict(change),
                ])
            }
            let comparable = changes.filter(\.isSameWork)
            let mean = BenchSummary.geomean(comparable.compactMap(\.ratio))
            table.append(["geometric mean", "", "", Numbers.ratio(mean), ""])
            text += "\n\(metric.title)\n\(table.plain())"
        }
        return text
    }

    static func verdict(_ change: BenchChange) -> String {
        if !change.isSameWork { return "not comparable: other counts of operations" }
        if min(change.old.count, change.new.count) < 2 { return "one process: spread unknown" }
        if change.isNoise { return "within the spread" }
        return change.new.median < change.old.median ? "better" : "worse"
    }
}
