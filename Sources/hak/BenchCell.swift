// SPDX-License-Identifier: MIT
//
// What was measured: a sample is one process, a cell is one allocator in one row.

/// The figures of one process.
struct BenchSample: Codable, Equatable {
    let operations: Int
    /// User and system time of the section, or of a whole program.
    let cpuNs: Int
    let wallNs: Int
    let minorFaults: Int
    let majorFaults: Int
    let voluntarySwitches: Int
    let involuntarySwitches: Int
    let peakKib: Int
    /// The resident set after a second without calls; nil where nobody waited for it.
    var idleKib: Int?
    /// Order statistics of single iterations, where the workload times them.
    var medianNs: Double?
    var p95Ns: Double?
    var p99Ns: Double?
}

/// One allocator in one row.
struct BenchCell: Codable, Equatable {
    let allocator: String
    /// One a process, in the order of time.
    var samples: [BenchSample] = []
    /// Counted by callgrind, without the process's start; nil where not asked for.
    var instructionsPerOperation: Double?
    /// The file that held malloc, as the processes reported it.
    var mallocObject: String?
    /// The least count of allocations in a process by hakmem's own statistics.
    var hakCalls: Int?

    /// The figure over the processes that have it.
    func estimate(_ metric: Metric) -> Estimate? {
        Estimate(samples.compactMap(metric.value))
    }
}

/// What allocators are compared in. Less is better in each.
enum Metric: String, CaseIterable, Codable {
    /// Nanoseconds of CPU time an operation.
    case cpu
    /// Nanoseconds of wall time an operation.
    case wall
    /// KiB.
    case peak
    /// KiB.
    case idle

    /// As tables name it.
    var title: String {
        switch self {
        case .cpu: return "CPU time"
        case .wall: return "wall time"
        case .peak: return "peak resident set"
        case .idle: return "resident set after an idle second"
        }
    }

    /// The figure of one process.
    func value(_ sample: BenchSample) -> Double? {
        switch self {
        case .cpu: return Double(sample.cpuNs) / Double(max(1, sample.operations))
        case .wall: return Double(sample.wallNs) / Double(max(1, sample.operations))
        case .peak: return Double(sample.peakKib)
        case .idle: return sample.idleKib.map(Double.init)
        }
    }
}

/// A figure over several processes.
struct Estimate: Equatable {
    /// Processes.
    let count: Int
    let min: Double
    let median: Double
    let max: Double
    /// The distance of the quartiles; of the ends, where there are fewer than four processes.
    let spread: Double

    private static let quartileCountMin = 4

    /// nil without values.
    init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        count = sorted.count
        min = sorted[0]
        max = sorted[sorted.count - 1]
        median = Distribution.median(values)
        let hasQuartiles = sorted.count >= Self.quartileCountMin
        spread =
            hasQuartiles
            ? Distribution.percentile(75, ofSorted: sorted)
                - Distribution.percentile(25, ofSorted: sorted)
            : max - min
    }

    /// Whether the difference to another figure is smaller than the wider of both spreads.
    func isWithinSpread(of other: Estimate) -> Bool {
        (median - other.median).magnitude <= Swift.max(spread, other.spread)
    }
}
