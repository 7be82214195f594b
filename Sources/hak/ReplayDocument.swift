// SPDX-License-Identifier: MIT
//
// The results of `hak replay` under all traces: a summary for people, and JSON with machine and
// date.

import FoundationEssentials
import Glibc

struct ReplayDocument: Codable {
    /// The format of the JSON; a change that breaks readers raises it.
    static let formatVersion = 1

    var format = formatVersion
    /// When the run began, in UTC.
    var date = Date().formatted(.iso8601)
    var machine = Machine.current()
    var comparisons: [ReplayComparison] = []

    /// One allocator in proportion to the base: geometric means over the traces where both have
    /// the figure.
    struct Mean: Equatable {
        let allocator: String
        let ownCpu: Double?
        let ownCpuTraces: Int
        let peak: Double?
        let peakTraces: Int
    }

    /// The allocators in the order of the first trace, the replayer alone left out.
    var means: [Mean] {
        var names: [String] = []
        for cell in comparisons.flatMap(\.cells)
        where cell.allocator != replayAloneName && !names.contains(cell.allocator) {
            names.append(cell.allocator)
        }
        return names.map { name in
            var cpu: [Double] = []
            var peak: [Double] = []
            for comparison in comparisons {
                guard let base = comparison.base,
                    let cell = comparison.cells.first(where: { $0.allocator == name })
                else { continue }
                if let own = comparison.ownCpuMs(cell), let other = comparison.ownCpuMs(base) {
                    cpu.append(own / other)
                }
                if base.peakKib > 0 { peak.append(Double(cell.peakKib) / Double(base.peakKib)) }
            }
            return Mean(
                allocator: name, ownCpu: Self.geometricMean(cpu), ownCpuTraces: cpu.count,
                peak: Self.geometricMean(peak), peakTraces: peak.count)
        }
    }

    /// Nil without values. All are above 0.
    static func geometricMean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : exp(values.map { log($0) }.reduce(0, +) / Double(values.count))
    }

    /// Where and when.
    func heading() -> String {
        """
        \(machine.processor), \(machine.processorCount) processors, \(machine.memoryMib) MiB, \
        Linux \(machine.kernel), \(machine.cLibrary), \(date)

        """
    }

    func summary() -> TextTable {
        let base = comparisons.lazy.compactMap(\.base).first?.allocator ?? "–"
        var table = TextTable(
            headings: ["all traces", "own CPU vs \(base)", "of traces", "peak vs", "of traces"],
            numericColumns: Set(1...4))
        for mean in means {
            table.append([
                mean.allocator, Numbers.ratio(mean.ownCpu), "\(mean.ownCpuTraces)",
                Numbers.ratio(mean.peak), "\(mean.peakTraces)",
            ])
        }
        return table
    }

    /// Writes the JSON, whole or not at all.
    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let data = try encoder.encode(self)
        try FileContents.write([UInt8](data) + [UInt8(ascii: "\n")], to: path)
    }
}
