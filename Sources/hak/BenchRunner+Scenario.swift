// SPDX-License-Identifier: MIT
//
// A scenario under every allocator. A figure is the median over the processes of the figure of
// each process, so that one disturbed process moves none.

/// The figures of one allocator in one scenario.
struct ScenarioCell: Codable, Equatable {
    let allocator: String
    /// The median of each process, in the order of time.
    let processMediansNs: [Double]
    let medianNs: Double
    let p95Ns: Double
    let p99Ns: Double
    let minorFaultsPerIteration: Double
    let majorFaults: Int
    let peakKib: Int
    /// The median to that of the base; nil without a base.
    var ratio: Double?
    /// What is left of the median without the writes; nil where there is no such baseline.
    var overTouchNs: Double?
    /// The file that held malloc, as the processes reported it.
    let mallocObject: String
    /// The least count of allocations in a process by hakmem's own statistics.
    let hakCalls: Int?

    var medianNsMin: Double { processMediansNs.min() ?? medianNs }
    var medianNsMax: Double { processMediansNs.max() ?? medianNs }

    /// The figures of at least one process.
    init(allocator: String, reports: [WorkloadReport]) {
        self.allocator = allocator
        func figure(_ value: (WorkloadReport) -> Double) -> Double {
            Distribution.median(reports.map(value))
        }
        func percentile(_ percent: Double, _ report: WorkloadReport) -> Double {
            Double(Distribution.percentile(percent, ofSorted: report.samples))
        }
        processMediansNs = reports.map { percentile(50, $0) }
        medianNs = figure { percentile(50, $0) }
        p95Ns = figure { percentile(95, $0) }
        p99Ns = figure { percentile(99, $0) }
        minorFaultsPerIteration = figure {
            Double($0.header.minorFaults) / Double($0.header.iterations)
        }
        majorFaults = reports.map(\.header.majorFaults).reduce(0, +)
        peakKib = Int(figure { Double($0.header.peakKib) })
        mallocObject = reports.first?.header.mallocObject ?? ""
        hakCalls = reports.compactMap(\.header.hakCalls).min()
    }
}

/// A scenario's cells, and what kept others from being measured.
struct ScenarioComparison: Codable {
    let scenario: String
    let summary: String
    let iterations: Int
    /// The allocator that ratios refer to.
    let base: String?
    /// The writes alone, to memory that is mapped already.
    var touch: ScenarioCell?
    var cells: [ScenarioCell] = []
    var failures: [String] = []
}

extension BenchRunner {
    /// The scenario under every allocator, and the writes alone as one more contestant.
    func compareScenario(_ scenario: Scenario, iterations: Int) throws -> ScenarioComparison {
        var comparison = ScenarioComparison(
            scenario: scenario.name, summary: scenario.summary, iterations: iterations,
            base: base?.name)
        var contestants = allocators.map(Optional.some)
        if scenario.hasTouchBaseline { contestants.append(nil) }
        var reports: [String: [WorkloadReport]] = [:]
        var failed: [String: String] = [:]

        func name(_ allocator: Allocator?) -> String { allocator?.name ?? "touch" }
        try inTurns(contestants, named: name, of: scenario.name) { contestant in
            let key = name(contestant)
            guard failed[key] == nil else { return }
            var arguments = [scenario.name, "--iterations", "\(iterations)"]
            if contestant == nil { arguments.append("--touch") }
            let child = try run(arguments, preloading: contestant?.library)
            guard child.succeeded else {
                failed[key] = "\(child.ending). \(child.errors)"
                return
            }
            let report = try WorkloadReport(parsing: child.output)
            if let contestant, let reason = report.proofFails(for: contestant) {
                let loader = child.errors.isEmpty ? "" : ". \(child.errors)"
                failed[key] = "NOT SERVED: \(reason)\(loader)"
            } else {
                reports[key, default: []].append(report)
            }
        }
        for contestant in contestants {
            let key = name(contestant)
            if let reason = failed[key] {
                comparison.failures.append("\(scenario.name) under \(key): \(reason)")
            } else if let runs = reports[key] {
                let cell = ScenarioCell(allocator: key, reports: runs)
                if contestant == nil {
                    comparison.touch = cell
                } else {
                    comparison.cells.append(cell)
                }
            }
        }
        comparison.relate()
        return comparison
    }
}

extension ScenarioComparison {
    /// Puts the cells in proportion to the base and to the writes alone.
    mutating func relate() {
        let baseMedian = cells.first { $0.allocator == base }?.medianNs
        for index in cells.indices {
            if let baseMedian, baseMedian > 0 {
                cells[index].ratio = cells[index].medianNs / baseMedian
            }
            if let touch { cells[index].overTouchNs = cells[index].medianNs - touch.medianNs }
        }
    }

    /// The table for people.
    func table() -> TextTable {
        var table = TextTable(
            headings: [
                scenario, "median ns", "min–max", "p95", "p99", "faults/iter", "peak KiB",
                "over touch", "vs \(base ?? "–")",
            ], numericColumns: Set(1...8))
        for cell in cells { table.append(row(cell)) }
        if let touch { table.append(row(touch)) }
        return table
    }

    private func row(_ cell: ScenarioCell) -> [String] {
        func whole(_ value: Double) -> String { Numbers.decimal(value, digits: 0) }
        return [
            cell.allocator, whole(cell.medianNs),
            "\(whole(cell.medianNsMin))–\(whole(cell.medianNsMax))", whole(cell.p95Ns),
            whole(cell.p99Ns), Numbers.decimal(cell.minorFaultsPerIteration, digits: 2),
            "\(cell.peakKib)", cell.overTouchNs.map(whole) ?? "–", Numbers.ratio(cell.ratio),
        ]
    }
}
