// SPDX-License-Identifier: MIT
//
// The results for people: a table for each metric and family, and the means at the end.

extension BenchDocument {
    /// Rows up to this count are shown one by one, too.
    private static let detailedRowsMax = 8

    /// What a difference within the spread is marked with.
    static let noiseMark = "~"

    /// The tables and what they stand for.
    func text() -> String {
        var text = """
            \(machine.processor), \(machine.processorCount) processors, \
            \(machine.memoryMib) MiB, Linux \(machine.kernel), \(machine.cLibrary), \
            huge pages \(machine.hugePages), \(date)
            \(roundsMade) of \(rounds) rounds; figures are medians over the \
            processes of an allocator

            """
        for allocator in allocators {
            let variables = allocator.variables.map { " \($0)" }.joined()
            text += "  \(allocator.name): \(allocator.library)\(variables)\n"
        }
        if rows.count <= Self.detailedRowsMax {
            for row in rows {
                text += "\n\(row.row.title): \(row.row.summary)\n\(details(of: row).plain())"
            }
        }
        for metric in Metric.allCases where hasFigures(metric) {
            text += "\n\(metric.title), ratio to \(base ?? "–")\n\(matrix(metric).plain())"
        }
        for flatness in BenchFlatness.all(of: self) {
            text += "\n\(flatness.workload) over live sets: \(BenchFlatness.caption)\n"
            text += flatness.table().plain()
        }
        text += instructions()
        if allocators.contains(where: { $0.role == .peer }) {
            text += """

                geometric means, ratio to \(base ?? "–"); oracle is the best peer of each row
                \(means().plain())
                \(Self.noiseMark) a difference to the best peer within the spread of either

                """
        }
        for line in skipped { text += "left out: \(line)\n" }
        return text
    }

    /// Whether any cell has the metric.
    func hasFigures(_ metric: Metric) -> Bool {
        rows.contains { row in row.cells.contains { $0.estimate(metric) != nil } }
    }

    /// Every row against every allocator.
    private func matrix(_ metric: Metric) -> TextTable {
        let summary = summary
        let subject = summary.subject
        var table = TextTable(
            headings: ["row", "\(base ?? "–")'s"] + names
                + ["best peer", "\(subject ?? "–") to it"],
            numericColumns: Set(1...names.count + 1).union([names.count + 3]))
        for row in rows where row.cells.contains(where: { $0.estimate(metric) != nil }) {
            let reference = base.flatMap { row.cell($0)?.estimate(metric)?.median }
            let best = row.best(of: summary.peers, metric)
            var toBest = "–"
            if let subject, let best, let ratio = row.ratio(subject, to: best, metric) {
                let isNoise = row.isNoise(subject, against: best, metric)
                toBest = (isNoise ? Self.noiseMark : "") + Numbers.decimal(ratio, digits: 2)
            }
            table.append(
                [row.row.title, reference.map(metric.text) ?? "–"]
                    + names.map { name in
                        base.flatMap { row.ratio(name, to: $0, metric) }
                            .map { Numbers.decimal($0, digits: 2) } ?? "–"
                    } + [best?.allocator ?? "–", toBest])
        }
        return table
    }

    /// Instructions an operation of every row that has them.
    private func instructions() -> String {
        var table = TextTable(headings: ["row"] + names, numericColumns: Set(1...names.count))
        for row in rows {
            let counts = names.map { row.cell($0)?.instructionsPerOperation }
            guard counts.contains(where: { $0 != nil }) else { continue }
            table.append(
                [row.row.title] + counts.map { $0.map { Numbers.decimal($0, digits: 1) } ?? "–" })
        }
        guard !table.rows.isEmpty else { return "" }
        return "\ninstructions an operation, the workload's own included\n\(table.plain())"
    }

    /// The geometric means of every metric.
    private func means() -> TextTable {
        let summary = summary
        let subject = summary.subject
        var table = TextTable(
            headings: ["metric"] + names + ["oracle", "\(subject ?? "–") to best peer"],
            numericColumns: Set(1...names.count + 2))
        func shown(_ value: Double?) -> String {
            value.map { Numbers.decimal($0, digits: 3) } ?? "–"
        }
        for metric in Metric.allCases where hasFigures(metric) {
            table.append(
                [metric.title] + names.map { shown(summary.geomean($0, metric)) }
                    + [shown(summary.oracle(metric)), shown(summary.geomeanToBest(metric))])
        }
        return table
    }

    /// Everything that is known about a row.
    private func details(of row: BenchRowResult) -> TextTable {
        var table = TextTable(
            headings: [
                "", "CPU ns min", "median", "max", "wall ns", "p50", "p95", "p99", "faults",
                "switches", "peak KiB", "idle KiB", "instructions",
            ], numericColumns: Set(1...12))
        for cell in row.cells + (row.touch.map { [$0] } ?? []) {
            guard let cpu = cell.estimate(.cpu), let wall = cell.estimate(.wall) else { continue }
            func median(_ value: (BenchSample) -> Double?) -> String {
                Estimate(cell.samples.compactMap(value)).map { Numbers.figure($0.median) } ?? "–"
            }
            table.append([
                cell.allocator, Numbers.figure(cpu.min), Numbers.figure(cpu.median),
                Numbers.figure(cpu.max), Numbers.figure(wall.median), median(\.medianNs),
                median(\.p95Ns), median(\.p99Ns), median { Double($0.minorFaults) },
                median { Double($0.voluntarySwitches + $0.involuntarySwitches) },
                median { Double($0.peakKib) }, median { $0.idleKib.map(Double.init) },
                cell.instructionsPerOperation.map { Numbers.decimal($0, digits: 1) } ?? "–",
            ])
        }
        return table
    }
}

extension Metric {
    /// The unit of a figure.
    var unit: String {
        switch self {
        case .cpu, .wall: return "ns"
        case .peak, .idle: return "KiB"
        }
    }

    /// A figure with the unit in which it is short: `90.7 ns`, `420 ms`, `5.82 MiB`.
    func text(_ value: Double) -> String {
        let units =
            unit == "ns"
            ? (factor: 1000.0, names: ["ns", "µs", "ms", "s"])
            : (factor: 1024.0, names: ["KiB", "MiB", "GiB"])
        var (value, index) = (value, 0)
        while value >= units.factor, index + 1 < units.names.count {
            value /= units.factor
            index += 1
        }
        return "\(Numbers.figure(value)) \(units.names[index])"
    }
}
