// SPDX-License-Identifier: MIT
//
// Ratios: of every cell to the base's, and of hakmem to the best peer of the row; geometric means.

import Glibc

/// The best peer of a row.
struct BestPeer: Equatable {
    let allocator: String
    let estimate: Estimate
}

/// A row with its cells, and what kept others from being measured.
struct BenchRowResult: Codable, Equatable {
    let row: BenchRow
    var cells: [BenchCell] = []
    /// What the harness costs by itself: the writes alone, to memory that is mapped already, or
    /// the reading of a trace.
    var touch: BenchCell?
    var failures: [String] = []

    func cell(_ allocator: String) -> BenchCell? { cells.first { $0.allocator == allocator } }

    /// The least median among these allocators.
    func best(of allocators: [String], _ metric: Metric) -> BestPeer? {
        cells.filter { allocators.contains($0.allocator) }
            .compactMap { cell in
                cell.estimate(metric).map { BestPeer(allocator: cell.allocator, estimate: $0) }
            }
            .min { $0.estimate.median < $1.estimate.median }
    }

    /// The median of one allocator in proportion to that of another.
    func ratio(_ allocator: String, to base: String, _ metric: Metric) -> Double? {
        guard let value = cell(allocator)?.estimate(metric)?.median,
            let reference = cell(base)?.estimate(metric)?.median, reference > 0
        else { return nil }
        return value / reference
    }

    /// The median of one allocator in proportion to a peer's.
    func ratio(_ allocator: String, to peer: BestPeer, _ metric: Metric) -> Double? {
        guard let value = cell(allocator)?.estimate(metric)?.median, peer.estimate.median > 0
        else { return nil }
        return value / peer.estimate.median
    }

    /// Whether the allocator's difference to a peer is within the spread.
    func isNoise(_ allocator: String, against peer: BestPeer, _ metric: Metric) -> Bool {
        cell(allocator)?.estimate(metric)?.isWithinSpread(of: peer.estimate) ?? false
    }
}

/// Means over rows.
struct BenchSummary {
    let rows: [BenchRowResult]
    /// The allocator whose figures are 1.
    let base: String?
    /// The allocator under test.
    let subject: String?
    /// Those that the best peer is chosen from.
    let peers: [String]

    /// The geometric mean; nil without values or with one that is not positive.
    static func geomean(_ values: [Double]) -> Double? {
        guard !values.isEmpty, values.allSatisfy({ $0 > 0 }) else { return nil }
        return exp(values.map { log($0) }.reduce(0, +) / Double(values.count))
    }

    /// Families in the order of the rows.
    var families: [String] {
        var families: [String] = []
        for row in rows where !families.contains(row.row.family) { families.append(row.row.family) }
        return families
    }

    /// Only some rows.
    func filtered(_ isIncluded: (BenchRow) -> Bool) -> BenchSummary {
        BenchSummary(
            rows: rows.filter { isIncluded($0.row) }, base: base, subject: subject, peers: peers)
    }

    /// An allocator in proportion to the base, over the rows in which both were measured.
    func geomean(_ allocator: String, _ metric: Metric) -> Double? {
        guard let base else { return nil }
        return Self.geomean(rows.compactMap { $0.ratio(allocator, to: base, metric) })
    }

    /// The best peer of each row in proportion to the base: what one would get who could choose.
    func oracle(_ metric: Metric) -> Double? {
        guard let base else { return nil }
        return Self.geomean(
            rows.compactMap { row in
                guard let best = row.best(of: peers, metric),
                    let reference = row.cell(base)?.estimate(metric)?.median, reference > 0
                else { return nil }
                return best.estimate.median / reference
            })
    }

    /// The subject in proportion to the best peer of each row.
    func geomeanToBest(_ metric: Metric) -> Double? {
        guard let subject else { return nil }
        return Self.geomean(
            rows.compactMap { row in
                row.best(of: peers, metric).flatMap { row.ratio(subject, to: $0, metric) }
            })
    }
}
