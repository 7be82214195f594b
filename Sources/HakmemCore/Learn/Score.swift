// SPDX-License-Identifier: MIT
//
// The score of a window is a cost: **lower is better**, 1 is as good as the reference.
//
//   cost = wc * term(cpu) + wf * term(faults) + wm * term(memory)       wc + wf + wm == 1
//   term(x) = min((x + floor) / (reference + floor), termMax)
//
//   cpu      nanoseconds in the allocator an event
//   faults   page faults an event
//   memory   resident bytes for each byte that is live
//
// All three are rates, so windows of different length compare. The floors keep a reference of
// nearly nothing from turning noise into ratios. Windows compare under comparable load only, which
// the tournament sees to by the distribution of sizes.

/// The weights of the score's terms; only their proportion counts.
package struct ScoreWeights {
    package var cpu: Double
    package var faults: Double
    package var memory: Double

    /// 40 % allocator CPU, 30 % page faults, 30 % memory.
    package init(cpu: Double = 40, faults: Double = 30, memory: Double = 30) {
        self.cpu = cpu
        self.faults = faults
        self.memory = memory
    }
}

/// What a window's score is made of.
package struct Rates {
    /// Nanoseconds an event.
    var cpu: Double
    /// Page faults an event.
    var faults: Double
    /// Resident bytes for each live byte.
    var memory: Double

    /// Live bytes that a window has at least: below, a ratio would say nothing.
    private static let liveBytesMin = 1_048_576.0

    init(_ window: WindowMeasurement) {
        let events = Double(max(window.events, 1))
        cpu = Double(window.allocatorNs) / events
        faults = Double(window.pageFaults) / events
        memory = Double(window.residentBytes) / (Double(window.liveBytes) + Rates.liveBytesMin)
    }

    init(cpu: Double, faults: Double, memory: Double) {
        self.cpu = cpu
        self.faults = faults
        self.memory = memory
    }

    /// Each rate's median of three.
    static func median(_ one: Rates, _ two: Rates, _ three: Rates) -> Rates {
        Rates(
            cpu: middle(one.cpu, two.cpu, three.cpu),
            faults: middle(one.faults, two.faults, three.faults),
            memory: middle(one.memory, two.memory, three.memory))
    }

    private static func middle(_ one: Double, _ two: Double, _ three: Double) -> Double {
        max(min(one, two), min(max(one, two), three))
    }
}

package enum Score {
    private static let cpuFloor = 1.0
    private static let faultsFloor = 0.001
    private static let memoryFloor = 0.01
    /// A term counts no more than this, so that one disturbed window cannot rule all others.
    static let termMax = 16.0

    /// The cost of a window with these rates; lower is better.
    package static func cost(_ rates: Rates, reference: Rates, weights: ScoreWeights) -> Double {
        let sum = weights.cpu + weights.faults + weights.memory
        guard sum > 0 else { return 1 }
        let cost =
            weights.cpu * term(rates.cpu, reference.cpu, cpuFloor)
            + weights.faults * term(rates.faults, reference.faults, faultsFloor)
            + weights.memory * term(rates.memory, reference.memory, memoryFloor)
        return cost / sum
    }

    private static func term(_ value: Double, _ reference: Double, _ floor: Double) -> Double {
        min((value + floor) / (reference + floor), termMax)
    }
}
