// SPDX-License-Identifier: MIT
//
// The score of a window is a cost: **lower is better**, 1 is as good as the reference. It is the
// weighted geometric mean of three rates, each against the reference's:
//
//   cost = ratio(cpu)^wc * ratio(faults)^wf * ratio(memory)^wm          wc + wf + wm == 1
//   ratio(x) = (x + floor) / (reference + floor), within 1/ratioMax ... ratioMax
//
//   cpu      nanoseconds an event, in the allocator and of the kernel for its page faults
//   faults   page faults an event
//   memory   resident bytes for each byte that is live
//
// A geometric mean, because then the reference cancels out where two costs are compared: which
// strategy happened to be the reference cannot change their order. With a sum of ratios it does.
// Rates, so that windows of different length compare. The floors are what does not matter any more:
// they keep a reference of nearly nothing from turning noise into ratios. Windows compare under
// comparable load only, which the tournament sees to by the distribution of sizes.

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
    /// What a page fault counts as, of the kernel's time.
    static let pageFaultNs: UInt = 500

    init(_ window: WindowMeasurement) {
        let events = Double(max(window.events, 1))
        cpu = Double(window.allocatorNs + window.pageFaults * Rates.pageFaultNs) / events
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
    private static let faultsFloor = 0.01
    private static let memoryFloor = 0.01
    /// A rate counts no more than this against the reference.
    static let ratioMax = 1024.0

    /// The cost of a window with these rates; lower is better.
    package static func cost(_ rates: Rates, reference: Rates, weights: ScoreWeights) -> Double {
        let sum = weights.cpu + weights.faults + weights.memory
        guard sum > 0 else { return 1 }
        let exponent =
            weights.cpu * logarithm(rates.cpu, reference.cpu, cpuFloor)
            + weights.faults * logarithm(rates.faults, reference.faults, faultsFloor)
            + weights.memory * logarithm(rates.memory, reference.memory, memoryFloor)
        return Logarithm.exp2(exponent / sum)
    }

    private static func logarithm(_ rate: Double, _ reference: Double, _ floor: Double) -> Double {
        let ratio = (rate + floor) / (reference + floor)
        return Logarithm.log2(max(min(ratio, ratioMax), 1 / ratioMax))
    }
}
