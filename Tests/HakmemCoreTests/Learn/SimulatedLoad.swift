// SPDX-License-Identifier: MIT
//
// A model of what strategies cost under a load, for experiments with learning: no heap, only
// arithmetic, with noise from a seed. It is plausible, not exact; what it must have is that
// different loads have different best strategies, by differences like those of real programs.

import Foundation

@testable import HakmemCoreHosted

/// A program's behaviour, an event being a slow path.
struct SimulatedLoad {
    var name: String
    /// The sizes that it asks for, with their shares in thousandths.
    var sizes: [(bytes: UInt, share: UInt32)]
    /// Shares of events that are refills, large blocks, whales and growth by realloc.
    var refills = 0.9
    var large = 0.0
    var whales = 0.0
    var growth = 0.0
    /// Bytes of the large blocks of a thread, and of the whales, that come and go.
    var largeSet = 1.0 * 1_048_576
    var whaleSet = 0.0
    /// The share of large blocks that a site reuses for itself, and how many it turns around.
    var siteAffinity = 0.0
    var siteBlocks = 4.0
    /// How long freed memory lies before it is used again, in milliseconds, and how much it is.
    var reuseMs = 20.0
    var freed = 32.0 * 1_048_576
    /// Freed memory that is not used again for this long, in milliseconds, and how much it is.
    var garbageMs = 2000.0
    var garbage = 96.0 * 1_048_576
    /// What a block that another thread frees costs, a block refilled.
    var crossing = 0.2
    /// How much of the memory huge pages would cover, and how much of that they would waste.
    var dense = 0.0
    var sparse = 0.5
    var live = 128.0 * 1_048_576
    var threads = 4.0

    /// What a window of this load costs under a strategy, without noise.
    func rates(_ index: Int) -> Rates {
        let strategy = Strategy.at(index)
        let slots = Double(strategy.bigCacheSlots)
        let bySite = siteAffinity * min(1, slots / siteBlocks)
        let byThread = largeSet > 0 ? min(1, Double(strategy.largeCacheBytesMax) / largeSet) : 1
        let fit = strategy.largeCacheSlackShift == 3 ? 1.0 : 1.05
        let largeMiss = max(0, 1 - max(byThread * fit, bySite))
        let kept = min(whaleSet, Double(strategy.whaleCacheBytesMax))
        let whaleMiss = whaleSet > 0 ? 1 - kept / whaleSet : 0
        let delay = Double(strategy.purgeDelayMs)
        let retained = min(freed, Double(strategy.retainBytesMax)) * delay / (delay + reuseMs)
        let purged = 1 - retained / max(freed, 1)
        let waste = min(garbage, Double(strategy.retainBytesMax)) * delay / (delay + garbageMs)
        let room = Double(strategy.headRoomPercent) / 100
        // Bins follow the program: the more a refill may bring, the seldomer it does.
        let refill = 2 * Double(strategy.refillBlocksMax).squareRoot()
        let huge = strategy.usesHugePages ? dense : 0

        var cpu = 20.0
        cpu += refills * (160 / refill + crossing * refill)
        cpu += large * 400 * largeMiss + whales * 3000 * whaleMiss
        cpu += growth * 400 / (1 + 4 * room)
        cpu += 30 * purged * (freed > 0 ? 1 : 0) - 12 * huge
        var faults = 0.002 + 0.05 * purged * min(1, freed / live)
        faults += large * 4 * largeMiss * purged + whales * 20 * whaleMiss
        faults *= 1 - 0.8 * huge
        var resident = live * (1.1 + growth * 2 * room) + retained + waste + kept * 0.7
        resident += threads * min(largeSet, Double(strategy.largeCacheBytesMax)) * 0.3
        resident += siteAffinity * slots * 0.2 * 1_048_576
        resident += strategy.usesHugePages ? live * sparse * (1 - dense) : 0
        return Rates(cpu: cpu, faults: faults, memory: resident / (live + 1_048_576))
    }

    /// The cost of a strategy without noise, against the default's.
    func cost(_ index: Int) -> Double {
        Score.cost(
            rates(index), reference: rates(Strategy.defaultIndex), weights: ScoreWeights())
    }

    var best: Int { (0..<Strategy.count).min { cost($0) < cost($1) }! }

    /// The window that a strategy has under this load.
    func window(
        _ strategy: Int, endMs: UInt, noise: Noise, _ randomness: inout Randomness
    ) -> WindowMeasurement {
        let rates = rates(strategy)
        var window = WindowMeasurement()
        window.endMs = endMs
        window.lengthNs = 2_000_000_000
        window.events = 10_000
        let disturbed = noise.disturbance(&randomness)
        window.allocatorNs = UInt(rates.cpu * 10_000 * noise.factor(&randomness) * disturbed)
        window.pageFaults = UInt(rates.faults * 10_000 * noise.factor(&randomness) * disturbed)
        window.liveBytes = UInt(live)
        window.residentBytes = UInt(
            rates.memory * (live + 1_048_576) * (1 + (noise.factor(&randomness) - 1) / 3))
        window.p99Ns = rates.cpu * 20 * noise.factor(&randomness) * disturbed
        for (bytes, share) in sizes {
            let count = Double(share) * 10 * noise.factor(&randomness)
            window.sizes.add(bytes, times: UInt32(count))
        }
        return window
    }
}

/// How windows of one strategy under one load differ.
struct Noise {
    /// The standard deviation of a measurement's logarithm.
    var spread = 0.05
    /// The share of windows that something else disturbs threefold.
    var disturbed = 0.0

    func factor(_ randomness: inout Randomness) -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += Double(randomness.next() >> 11) / 9_007_199_254_740_992 }
        return exp(spread * sum)
    }

    func disturbance(_ randomness: inout Randomness) -> Double {
        Double(randomness.below(10_000)) < disturbed * 10_000 ? 3 : 1
    }
}

extension SimulatedLoad {
    private static let mi = 1_048_576.0

    static let servers = SimulatedLoad(
        name: "many small blocks, handed over", sizes: [(32, 500), (64, 300), (256, 200)],
        refills: 0.98, reuseMs: 1, freed: 4 * mi, crossing: 3)
    static let compiler = SimulatedLoad(
        name: "small blocks of one thread", sizes: [(48, 600), (96, 300), (800, 100)],
        refills: 0.98, reuseMs: 1, freed: 4 * mi, crossing: 0, threads: 1)
    static let images = SimulatedLoad(
        name: "large blocks by thread", sizes: [(64, 300), (262_144, 700)], refills: 0.3,
        large: 0.7, largeSet: 24 * mi, freed: 48 * mi, live: 512 * mi)
    static let frames = SimulatedLoad(
        name: "whales come and go", sizes: [(64, 400), (8_388_608, 600)], refills: 0.4,
        whales: 0.6, whaleSet: 384 * mi, freed: 16 * mi, live: 1024 * mi)
    static let parser = SimulatedLoad(
        name: "buffers that grow", sizes: [(128, 500), (8192, 300), (65_536, 200)], refills: 0.4,
        growth: 0.5, reuseMs: 1, freed: 8 * mi, live: 256 * mi)
    static let database = SimulatedLoad(
        name: "dense regions", sizes: [(512, 500), (16_384, 500)], freed: 128 * mi, dense: 0.9,
        live: 2048 * mi)
    static let sleeper = SimulatedLoad(
        name: "short of memory", sizes: [(64, 900), (131_072, 100)], refills: 0.2,
        whales: 0.00005, whaleSet: 128 * mi, reuseMs: 1, freed: 2 * mi, live: 16 * mi)
    static let sites = SimulatedLoad(
        name: "large blocks by site", sizes: [(1_048_576, 800), (128, 200)], refills: 0.2,
        large: 0.8, largeSet: 400 * mi, siteAffinity: 0.95, siteBlocks: 14, live: 512 * mi,
        threads: 8)

    /// Loads that stay as they are, each with another best strategy.
    static let stationary = [
        servers, compiler, images, frames, parser, database, sleeper, sites,
    ]
}
