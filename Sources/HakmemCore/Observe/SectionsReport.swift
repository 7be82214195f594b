// SPDX-License-Identifier: MIT
//
// HAKMEM_TIMING: the timed sections at exit, sorted by their share, for people or as JSON; and what
// the measuring itself costs on this machine.

import CHakmemShim

enum SectionsReport {
    private static let standardError: Int32 = 2

    static func atExit() {
        guard Sections.metersAddress != 0 else { return }
        var text = TextBuffer(sink: .descriptor(standardError))
        let nsPerTick = measureTick()
        if process.options.timing == 2 {
            writeJSON(nsPerTick, to: &text)
        } else {
            writeTable(nsPerTick, to: &text)
        }
        text.flush()
    }

    /// Nanoseconds a tick of the time-stamp counter, over about two milliseconds.
    private static func measureTick() -> Double {
        let startNs = Clock.nowNs()
        let startTicks = hak_ticks()
        var nowNs = startNs
        while nowNs &- startNs < 2_000_000 { nowNs = Clock.nowNs() }
        return Double(nowNs &- startNs) / Double(max(hak_ticks() &- startTicks, 1))
    }

    /// Nanoseconds that a section costs in being measured: an empty one, many times.
    private static func overhead(_ nsPerTick: Double) -> UInt {
        let rounds: UInt = 1000
        let before = Sections.total(.tick)
        let start = hak_ticks()
        for _ in 0..<rounds { Sections.measure(.tick) {} }
        let ticks = hak_ticks() &- start
        Sections.forget(.tick, calls: rounds, ticks: Sections.total(.tick).ticks &- before.ticks)
        return UInt(Double(ticks) * nsPerTick) / rounds
    }

    /// The section with the most time below `bound` ticks, or with as many and a higher number.
    private static func next(below bound: UInt, after last: Int) -> Section? {
        var found: Section?
        var most: UInt = 0
        for index in 0..<Section.count {
            let section = Section(rawValue: index).unsafelyUnwrapped
            let ticks = Sections.total(section).ticks
            let follows = ticks < bound || ticks == bound && index > last
            if follows, found == nil || ticks > most {
                found = section
                most = ticks
            }
        }
        return found
    }

    private static func forEachByTime(
        _ body: (Section, (calls: UInt, ticks: UInt, longest: UInt)) -> Void
    ) {
        var bound = UInt.max
        var last = -1
        while let section = next(below: bound, after: last) {
            let total = Sections.total(section)
            body(section, total)
            bound = total.ticks
            last = section.rawValue
        }
    }

    private static func writeTable(_ nsPerTick: Double, to text: inout TextBuffer) {
        text.append(
            "hakmem: Debug Timing Statistics; sections nest, shares are of all slow paths\n")
        text.append(
            "hakmem:      share        calls     total us    mean ns   longest ns  section\n")
        let slow = Sections.total(.mallocSlow).ticks &+ Sections.total(.freeSlow).ticks
        forEachByTime { section, total in
            if total.calls == 0 { return }
            text.append("hakmem: ")
            text.append(decimal: total.ticks &* 100 / max(slow, 1), width: 8)
            text.append(" %")
            text.append(decimal: total.calls, width: 13)
            text.append(decimal: UInt(Double(total.ticks) * nsPerTick / 1000), width: 13)
            text.append(
                decimal: UInt(Double(total.ticks) * nsPerTick / Double(total.calls)), width: 11)
            text.append(decimal: UInt(Double(total.longest) * nsPerTick), width: 13)
            text.append("  ")
            text.append(section.name)
            text.append("\n")
        }
        text.append("hakmem: measuring costs ")
        text.append(decimal: overhead(nsPerTick))
        text.append(" ns a section\n")
    }

    private static func writeJSON(_ nsPerTick: Double, to text: inout TextBuffer) {
        text.append("{\"hakmem_timing\": 1, \"overhead_ns\": ")
        text.append(decimal: overhead(nsPerTick))
        text.append(", \"sections\": [")
        var isFirst = true
        forEachByTime { section, total in
            if !isFirst { text.append(", ") }
            isFirst = false
            text.append("{\"name\": \"")
            text.append(section.name)
            text.append("\", \"calls\": ")
            text.append(decimal: total.calls)
            text.append(", \"total_ns\": ")
            text.append(decimal: UInt(Double(total.ticks) * nsPerTick))
            text.append(", \"longest_ns\": ")
            text.append(decimal: UInt(Double(total.longest) * nsPerTick))
            text.append("}")
        }
        text.append("]}\n")
    }
}
