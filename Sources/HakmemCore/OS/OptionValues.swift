// SPDX-License-Identifier: MIT
//
// The values of the options in this process, parsed once from the environment.
//
// Guarded by: written by Process.start before the first cache exists, read-only after.

import CHakmemShim

/// The words of HAKMEM_EVO.
enum EvolutionOption: UInt {
    case auto, learn, frozen, off
}

struct OptionValues {
    var mode: UInt = OptionName.mode.spec.defaultValue
    var ignoresErrors = false
    var stats: UInt = 0
    /// Whether the statistics are to be exact, which takes the hit path of free away.
    var countsEveryCall: Bool { stats != 0 }
    /// The path of HAKMEM_STATS_FILE in the environment block, or nil.
    var statsFile: UnsafePointer<CChar>? = nil
    var purgeDelayMs: UInt = OptionName.purgeDelayMs.spec.defaultValue
    var retainBytesMax: UInt = OptionName.retainMb.spec.defaultValue << 20
    var largeCacheBytesMax: UInt = OptionName.largeCacheKb.spec.defaultValue << 10
    var whaleCacheBytesMax: UInt = OptionName.whaleCacheMb.spec.defaultValue << 20
    private var hugePages: UInt = OptionName.hugePages.spec.defaultValue
    /// Whether what is written whole may have huge pages; and whether large blocks and whales have
    /// them always.
    var hasHugeLots: Bool { hugePages > 0 }
    var usesHugePages: Bool { hugePages > 1 }
    /// Whether growing blocks get room for what others came to.
    var learnsGrowth = OptionName.growth.spec.defaultValue > 0
    /// Whether there is a thread that purges.
    var hasPurgeThread = false
    /// Whether libraries are opened with RTLD_DEEPBIND where the program says so.
    var keepsDeepBind = false
    /// Whether there is a pause after a huge page that was dear. Only tests say no, which are not
    /// to depend on what the machine has at hand.
    var pausesHugePages = true
    var evolution: UInt = OptionName.evolution.spec.defaultValue
    /// What follows the word of HAKMEM_EVO: the weights of CPU time, page faults and memory.
    var scoreWeights: (cpu: UInt, faults: UInt, memory: UInt) = (40, 30, 30)
    /// The path of HAKMEM_PROFILE in the environment block, or nil.
    var profile: UnsafePointer<CChar>? = nil
    var timing: UInt = 0
    /// The path of HAKMEM_WATCH, by which `hak learn watch` asks for a line a window; or nil.
    var watchFile: UnsafePointer<CChar>? = nil
    /// Bit n: the user has set the option with that number, and no strategy changes it.
    private var given: UInt32 = 0

    static let minimal: UInt = 0
    static let fast: UInt = 1
    static let learning: UInt = 3
    static let research: UInt = 4

    func isGiven(_ name: OptionName) -> Bool { given >> UInt32(name.rawValue) & 1 == 1 }

    /// What mallopt sets holds as what the user does.
    mutating func setRetain(bytes: UInt) {
        retainBytesMax = bytes
        given |= 1 << UInt32(OptionName.retainMb.rawValue)
    }

    /// Whether strategies are learnt, from what HAKMEM_EVO and the mode say together.
    var learns: Bool {
        switch EvolutionOption(rawValue: evolution).unsafelyUnwrapped {
        case .auto: mode >= OptionValues.learning || profile != nil
        case .learn, .frozen: true
        case .off: false
        }
    }

    /// Whether what was learnt before is kept, and nothing is tried.
    var isFrozen: Bool {
        switch EvolutionOption(rawValue: evolution).unsafelyUnwrapped {
        case .auto: mode < OptionValues.learning
        case .frozen: true
        case .learn, .off: false
        }
    }

    /// Whether sections are timed: because the user asks, or because learning weighs them.
    var measuresSections: Bool { timing != 0 || learns }

    init() {}

    /// Reads every option from `environment`, a null-terminated array of `NAME=value`.
    ///
    /// The mode sets the other defaults first; an option that is given wins over the mode.
    init(environment: UnsafePointer<UnsafePointer<CChar>?>?) {
        self.init()
        guard let environment else { return }
        watchFile = OptionValues.find("HAKMEM_WATCH", in: environment)
        if let text = OptionValues.find(OptionName.mode.spec.variable, in: environment),
            let value = OptionValues.parse(.mode, text)
        {
            applyMode(value)
        }
        var index = 0
        while let name = OptionName(rawValue: index) {
            index += 1
            guard name != .mode, let text = OptionValues.find(name.spec.variable, in: environment)
            else {
                continue
            }
            apply(name, text)
        }
    }

    private mutating func applyMode(_ value: UInt) {
        mode = value
        switch value {
        case OptionValues.minimal:
            purgeDelayMs = 0
            retainBytesMax = 0
            largeCacheBytesMax = 0
            whaleCacheBytesMax = 0
        case OptionValues.fast:
            purgeDelayMs = 1000
            retainBytesMax = 4096 << 20
            largeCacheBytesMax = 16 << 20
            whaleCacheBytesMax = 256 << 20
        case OptionValues.research:
            timing = 1
        default:
            break
        }
    }

    private mutating func apply(_ name: OptionName, _ text: UnsafePointer<CChar>) {
        if name == .statsFile {
            statsFile = text
            return
        }
        if name == .profile {
            profile = text
            return
        }
        if name == .evolution, let colon = OptionValues.colon(in: text) {
            applyEvo(text, colon)
            return
        }
        guard let value = OptionValues.parse(name, text) else { return }
        given |= 1 << UInt32(name.rawValue)
        switch name {
        case .mode, .statsFile, .profile: break
        case .onError: ignoresErrors = value == 1
        case .stats: stats = value
        case .purgeDelayMs: purgeDelayMs = value
        case .retainMb: retainBytesMax = value << 20
        case .largeCacheKb: largeCacheBytesMax = value << 10
        case .whaleCacheMb: whaleCacheBytesMax = value << 20
        case .hugePages: hugePages = value
        case .growth: learnsGrowth = value > 0
        case .purgeThread: hasPurgeThread = value > 0
        case .deepBind: keepsDeepBind = value > 0
        case .evolution: evolution = value
        case .timing: timing = value
        }
    }

    /// `WORD:CPU,FAULTS,MEMORY`; all of it or nothing.
    private mutating func applyEvo(_ text: UnsafePointer<CChar>, _ colon: Int) {
        var position = colon + 1
        let cpu = OptionValues.weight(text, &position, end: 44)
        let faults = OptionValues.weight(text, &position, end: 44)
        let memory = OptionValues.weight(text, &position, end: 0)
        guard
            let word = OptionValues.wordIndex(
                text, in: OptionName.evolution.spec.words, end: colon),
            let cpu, let faults, let memory, cpu + faults + memory > 0
        else {
            Report.badWeights(text)
            return
        }
        given |= 1 << UInt32(OptionName.evolution.rawValue)
        evolution = word
        scoreWeights = (cpu, faults, memory)
    }

    /// Where the first colon is, or nil.
    private static func colon(in text: UnsafePointer<CChar>) -> Int? {
        var index = 0
        while text[index] != 0 {
            if text[index] == 58 { return index }
            index += 1
        }
        return nil
    }

    /// The number from 0 to `weightMax` at `position`, which the character `end` follows.
    private static func weight(
        _ text: UnsafePointer<CChar>, _ position: inout Int, end: CChar
    ) -> UInt? {
        var value: UInt = 0
        let start = position
        while text[position] >= 48, text[position] <= 57, value <= weightMax {
            value = value * 10 + UInt(text[position] - 48)
            position += 1
        }
        guard position > start, value <= weightMax, text[position] == end else { return nil }
        if end != 0 { position += 1 }
        return value
    }

    private static let weightMax: UInt = 100

    /// The text after `NAME=` of an option in the environment, or nil when it is not given.
    private static func find(
        _ variable: StaticString, in environment: UnsafePointer<UnsafePointer<CChar>?>
    ) -> UnsafePointer<CChar>? {
        let length = variable.utf8CodeUnitCount
        var index = 0
        while let entry = environment[index] {
            index += 1
            var position = 0
            while position < length,
                UInt8(bitPattern: entry[position]) == variable.utf8Start[position]
            {
                position += 1
            }
            if position == length, entry[position] == 61 { return entry + (position + 1) }
        }
        return nil
    }

    /// An option's value, or nil after a one-line report when the text is none of its values.
    static func parse(_ name: OptionName, _ text: UnsafePointer<CChar>) -> UInt? {
        let spec = name.spec
        var value: UInt?
        switch spec.kind {
        case .number: value = number(text)
        case .word: value = wordIndex(text, in: spec.words)
        case .text: return nil
        }
        if let found = value, found < spec.min || found > spec.max { value = nil }
        if value == nil { Report.badOption(name, text) }
        return value
    }

    private static func number(_ text: UnsafePointer<CChar>) -> UInt? {
        var value: UInt = 0
        var index = 0
        while text[index] != 0 {
            let digit = Int(text[index]) - 48
            guard digit >= 0, digit <= 9, index < 18 else { return nil }
            value = value * 10 + UInt(digit)
            index += 1
        }
        return index == 0 ? nil : value
    }

    /// The number of the word that `text` is, or its first `end` characters are.
    private static func wordIndex(
        _ text: UnsafePointer<CChar>, in words: StaticString, end textEnd: Int? = nil
    ) -> UInt? {
        let separator = UInt8(124)
        var wordNumber: UInt = 0
        var start = 0
        let end = words.utf8CodeUnitCount
        func isEnd(_ index: Int) -> Bool { textEnd.map { index == $0 } ?? (text[index] == 0) }
        while start <= end {
            var stop = start
            while stop < end, words.utf8Start[stop] != separator { stop += 1 }
            var index = 0
            while start + index < stop,
                UInt8(bitPattern: text[index]) == words.utf8Start[start + index]
            {
                index += 1
            }
            if start + index == stop, isEnd(index) { return wordNumber }
            wordNumber += 1
            start = stop + 1
        }
        return nil
    }
}
