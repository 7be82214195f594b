// SPDX-License-Identifier: MIT
//
// A strategy: everything that learning may change, as one immutable record. Twelve of them compete;
// number 0 is what the allocator does without learning. Any strategy is correct at any time: they
// trade memory for time, and nothing else depends on them.

/// What learning may change.
package struct Strategy: Equatable {
    /// Most bytes of freed large blocks that each thread keeps.
    package let largeCacheBytesMax: UInt
    /// A kept large block serves a request that it exceeds by up to 1/2^shift.
    package let largeCacheSlackShift: UInt
    /// Most bytes of free dirty memory that the page heap keeps.
    package let retainBytesMax: UInt
    /// How long free memory stays before it is purged, in milliseconds.
    package let purgeDelayMs: UInt
    /// Most bytes of freed whales that stay mapped.
    package let whaleCacheBytesMax: UInt
    /// Most blocks that a refill takes at once, if the class's own bound is not lower.
    package let refillBlocksMax: UInt
    /// Room beyond the request for a block that realloc moves, in percent.
    package let headRoomPercent: UInt
    /// Freed blocks that BigCache keeps for each site; 0 is no BigCache.
    package let bigCacheSlots: UInt
    /// Whether dense regions ask for huge pages.
    package let usesHugePages: Bool

    package static let count = 12
    /// The strategy of an allocator that does not learn.
    package static let defaultIndex = 0

    private static let ki: UInt = 1 << 10
    private static let mi: UInt = 1 << 20

    private init(
        large: UInt = 4 * mi, slack: UInt = 3, retain: UInt = 1024 * mi, purgeMs: UInt = 100,
        whale: UInt = 64 * mi, refill: UInt = 64, headRoom: UInt = 25, slots: UInt = 4,
        huge: Bool = false
    ) {
        largeCacheBytesMax = large
        largeCacheSlackShift = slack
        retainBytesMax = retain
        purgeDelayMs = purgeMs
        whaleCacheBytesMax = whale
        refillBlocksMax = refill
        headRoomPercent = headRoom
        bigCacheSlots = slots
        usesHugePages = huge
    }

    /// The strategy with a number; the default for numbers that there are not.
    package static func at(_ index: Int) -> Strategy {
        switch index {
        case 1:
            Strategy(
                large: 512 * ki, retain: 8 * mi, purgeMs: 10, whale: 8 * mi, refill: 16,
                headRoom: 12, slots: 1)
        case 2:
            Strategy(
                large: 0, retain: 0, purgeMs: 0, whale: 0, refill: 16, headRoom: 12, slots: 0)
        case 3:
            Strategy(large: 16 * mi, purgeMs: 1000, whale: 256 * mi)
        case 4:
            Strategy(
                large: 64 * mi, slack: 2, retain: 4096 * mi, purgeMs: 10_000, whale: 1024 * mi,
                refill: 256, headRoom: 50, slots: 8)
        case 5: Strategy(large: 32 * mi, slack: 2)
        case 6: Strategy(purgeMs: 1000, whale: 512 * mi)
        case 7: Strategy(refill: 256)
        case 8: Strategy(large: 1 * mi, refill: 8)
        case 9: Strategy(headRoom: 60)
        case 10: Strategy(purgeMs: 1000, huge: true)
        case 11: Strategy(large: 1 * mi, whale: 16 * mi, slots: 16)
        default: Strategy()
        }
    }

    /// The strategy with a number in a process with these options: what the user has set holds in
    /// every strategy, and number 0 is what all the options say.
    init(_ index: Int, options: OptionValues) {
        let base = Strategy.at(index)
        let isDefault = index == Strategy.defaultIndex
        func takes(_ name: OptionName) -> Bool { isDefault || options.isGiven(name) }
        largeCacheBytesMax =
            takes(.largeCacheKb) ? options.largeCacheBytesMax : base.largeCacheBytesMax
        largeCacheSlackShift = base.largeCacheSlackShift
        retainBytesMax = takes(.retainMb) ? options.retainBytesMax : base.retainBytesMax
        purgeDelayMs = takes(.purgeDelayMs) ? options.purgeDelayMs : base.purgeDelayMs
        whaleCacheBytesMax =
            takes(.whaleCacheMb) ? options.whaleCacheBytesMax : base.whaleCacheBytesMax
        refillBlocksMax = base.refillBlocksMax
        headRoomPercent = base.headRoomPercent
        bigCacheSlots = base.bigCacheSlots
        usesHugePages = takes(.hugePages) ? options.usesHugePages : base.usesHugePages
    }

    /// A strategy's name, in profiles and reports. One word; never changed, only added to.
    package static func name(_ index: Int) -> StaticString {
        switch index {
        case 1: "lean"
        case 2: "prompt"
        case 3: "patient"
        case 4: "hoard"
        case 5: "large-keeper"
        case 6: "whale-keeper"
        case 7: "wide-refill"
        case 8: "narrow-refill"
        case 9: "grower"
        case 10: "huge-pages"
        case 11: "by-site"
        default: "default"
        }
    }
}
