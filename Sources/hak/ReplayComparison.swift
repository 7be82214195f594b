// SPDX-License-Identifier: MIT
//
// The results of `hak replay` under one trace.

import CTraceFormat

struct ReplayComparison: Codable {
    let trace: String
    let command: String
    let events: Int
    let threads: Int
    let blocksLiveMax: Int
    let bytesLiveMax: Int
    let repetitions: Int
    let touch: String
    var cells: [ReplayCell] = []
    var failures: [String] = []

    init(trace: String, header: trace_header_t, repetitions: Int, touch: String) {
        self.trace = trace
        command = TraceFile.command(of: header)
        events = Int(header.events)
        threads = Int(header.streams)
        blocksLiveMax = Int(header.blocks_live_max)
        bytesLiveMax = Int(header.bytes_live_max)
        self.repetitions = repetitions
        self.touch = touch
    }

    /// The cell that the others are put in proportion to: mimalloc's where it takes part, else the
    /// first that is not hakmem's.
    var base: ReplayCell? {
        let peers = cells.filter { $0.allocator != replayAloneName }
        return peers.first { $0.allocator == "mimalloc" }
            ?? peers.first { $0.allocator != "hakmem" }
    }

    /// CPU time of the allocator's own calls: without what the replayer needs. Of the least times,
    /// which a disturbed process does not move; nil where the replayer's own time varies by more.
    func ownCpuMs(_ cell: ReplayCell) -> Double? {
        guard cell.allocator != replayAloneName,
            let alone = cells.first(where: { $0.allocator == replayAloneName })
        else { return nil }
        let own = cell.cpuMsMin - alone.cpuMsMin
        let spread = (alone.processCpuMs.max() ?? 0) - alone.cpuMsMin
        return own > spread ? own : nil
    }

    /// Characters of the command that the text shows.
    private static let commandShown = 120

    /// The table and what it stands for.
    func text() -> String {
        """
        \(trace): \(command.prefix(Self.commandShown))
        \(events) events on \(threads) threads, at most \(blocksLiveMax) blocks and \
        \(bytesLiveMax / 1024) KiB live; touch \(touch); \(repetitions) processes each, in turns
        \(table().plain())
        """
    }

    func table() -> TextTable {
        let name = base?.allocator ?? "–"
        var table = TextTable(
            headings: [
                "replay", "CPU ms min", "median", "max", "own ns/event", "wall ms", "peak KiB",
                "faults", "switches", "own CPU vs \(name)", "peak vs",
            ], numericColumns: Set(1...10))
        for cell in cells { table.append(row(cell)) }
        return table
    }

    private func row(_ cell: ReplayCell) -> [String] {
        func ratio(_ value: Double?, _ base: Double?) -> Double? {
            guard let value, let base, base > 0 else { return nil }
            return value / base
        }
        func decimal(_ value: Double) -> String { Numbers.decimal(value, digits: 2) }
        let own = ownCpuMs(cell)
        let isAlone = cell.allocator == replayAloneName
        let perEvent = own.map { $0 * 1e6 / Double(max(events, 1)) }
        return [
            cell.allocator, decimal(cell.cpuMsMin), decimal(cell.cpuMsMedian),
            decimal(cell.processCpuMs.max() ?? 0),
            perEvent.map { Numbers.decimal($0, digits: 1) } ?? "–", decimal(cell.wallMsMedian),
            "\(cell.peakKib)", "\(cell.minorFaults)", "\(cell.contextSwitches)",
            Numbers.ratio(ratio(own, base.flatMap(ownCpuMs))),
            Numbers.ratio(
                isAlone ? nil : ratio(Double(cell.peakKib), base.map { Double($0.peakKib) })),
        ]
    }
}
