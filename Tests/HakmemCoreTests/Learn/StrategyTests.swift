// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct StrategyTests {
    @Test func theFirstIsWhatTheOptionsSay() {
        let strategy = Strategy.at(Strategy.defaultIndex)
        let options = OptionValues()
        #expect(strategy.largeCacheBytesMax == options.largeCacheBytesMax)
        #expect(strategy.retainBytesMax == options.retainBytesMax)
        #expect(strategy.purgeDelayMs == options.purgeDelayMs)
        #expect(strategy.whaleCacheBytesMax == options.whaleCacheBytesMax)
        #expect(strategy.usesHugePages == options.usesHugePages)
        #expect(strategy.headRoomPercent == 25)
    }

    @Test func allDifferInNameAndContent() {
        for one in 0..<Strategy.count {
            for other in 0..<one {
                #expect(Strategy.at(one) != Strategy.at(other))
                #expect(Strategy.name(one).description != Strategy.name(other).description)
            }
        }
    }

    @Test func numbersBeyondTheTableAreTheDefault() {
        #expect(Strategy.at(Strategy.count) == Strategy.at(Strategy.defaultIndex))
        #expect(Strategy.at(-1) == Strategy.at(Strategy.defaultIndex))
    }

    @Test func valuesAreWithinTheOptionsRanges() {
        for index in 0..<Strategy.count {
            let strategy = Strategy.at(index)
            #expect(strategy.purgeDelayMs <= OptionName.purgeDelayMs.spec.max)
            #expect(strategy.largeCacheBytesMax >> 10 <= OptionName.largeCacheKb.spec.max)
            #expect(strategy.refillBlocksMax >= 1)
            #expect(strategy.headRoomPercent <= 100)
        }
    }
}
