// SPDX-License-Identifier: MIT
//
// The options of a user: one table. The parser, `hak options` and the documentation read it.
//
// Every option is an environment variable `HAKMEM_<NAME>`, read once at the start. A value that
// does not parse or lies outside its range is reported in one line and the default holds.

/// A user's option, named as its environment variable.
package enum OptionName: Int {
    case mode
    case onError
    case stats
    case statsFile
    case purgeDelayMs
    case retainMb
    case largeCacheKb
    case whaleCacheMb
    case hugePages
    case growth
    case purgeThread
    case deepBind
    case evolution
    case profile
    case timing
}

/// What values an option takes.
package enum OptionKind {
    /// A whole number within `min...max`.
    case number
    /// One of the words of `OptionSpec.words`; its value is the word's index.
    case word
    /// Any text: a path.
    case text
}

/// A row of the table.
package struct OptionSpec {
    package let variable: StaticString
    package let kind: OptionKind
    /// The words of a `.word`, separated by `|`, in the order of their values.
    package let words: StaticString
    /// The unit of a number, or "" where there is none.
    package let unit: StaticString
    package let defaultValue: UInt
    package let min: UInt
    package let max: UInt
    package let summary: StaticString
}

extension OptionName {
    /// This option's row. A switch, because a table of strings would need start-up code.
    package var spec: OptionSpec {
        switch self {
        case .mode:
            OptionSpec(
                variable: "HAKMEM_MODE", kind: .word,
                words: "minimal|fast|balanced|learning|research",
                unit: "", defaultValue: 2, min: 0, max: 4,
                summary: "least memory, least CPU, both, learn which, or learn and measure all")
        case .onError:
            OptionSpec(
                variable: "HAKMEM_ON_ERROR", kind: .word, words: "abort|ignore", unit: "",
                defaultValue: 0, min: 0, max: 1,
                summary: "what a misuse of the heap does after its one-line report")
        case .stats:
            OptionSpec(
                variable: "HAKMEM_STATS", kind: .word, words: "0|1|json", unit: "",
                defaultValue: 0, min: 0, max: 2,
                summary: "print a summary of the heap at exit, for people or as JSON")
        case .statsFile:
            OptionSpec(
                variable: "HAKMEM_STATS_FILE", kind: .text, words: "", unit: "",
                defaultValue: 0, min: 0, max: 0,
                summary: "file that the summary is appended to instead of standard error")
        case .purgeDelayMs:
            OptionSpec(
                variable: "HAKMEM_PURGE_DELAY_MS", kind: .number, words: "", unit: "ms",
                defaultValue: 100, min: 0, max: 60_000,
                summary: "how long free memory stays with the process before it goes back")
        case .retainMb:
            OptionSpec(
                variable: "HAKMEM_RETAIN_MB", kind: .number, words: "", unit: "MiB",
                defaultValue: 1024, min: 0, max: 1_048_576,
                summary: "most free memory that the page heap keeps, whatever its age")
        case .largeCacheKb:
            OptionSpec(
                variable: "HAKMEM_LARGE_CACHE_KB", kind: .number, words: "", unit: "KiB",
                defaultValue: 4096, min: 0, max: 65_536,
                summary: "most memory of freed large blocks that each thread keeps for itself")
        case .whaleCacheMb:
            OptionSpec(
                variable: "HAKMEM_WHALE_CACHE_MB", kind: .number, words: "", unit: "MiB",
                defaultValue: 64, min: 0, max: 1_048_576,
                summary: "most memory of freed blocks above 64 MiB that stays mapped at first")
        case .hugePages:
            OptionSpec(
                variable: "HAKMEM_HUGE_PAGES", kind: .word, words: "none|dense|all", unit: "",
                defaultValue: 1, min: 0, max: 2,
                summary: """
                    what has huge pages: nothing; heaps of 8 MiB and more, under blocks that are \
                    written whole; or all blocks of 2 MiB and more too
                    """)
        case .growth:
            OptionSpec(
                variable: "HAKMEM_GROWTH", kind: .word, words: "0|1", unit: "",
                defaultValue: 1, min: 0, max: 1,
                summary: """
                    whether a block that realloc moves gets room for what others have grown to \
                    that the same code has resized
                    """)
        case .purgeThread:
            OptionSpec(
                variable: "HAKMEM_PURGE_THREAD", kind: .word, words: "0|1", unit: "",
                defaultValue: 0, min: 0, max: 1,
                summary: """
                    whether a thread of its own gives memory back while the program's threads \
                    have nothing to do
                    """)
        case .deepBind:
            OptionSpec(
                variable: "HAKMEM_DEEPBIND", kind: .word, words: "drop|keep", unit: "",
                defaultValue: 0, min: 0, max: 1,
                summary: """
                    what becomes of RTLD_DEEPBIND, by which a library that is opened would use \
                    glibc's malloc beside this one
                    """)
        case .evolution:
            OptionSpec(
                variable: "HAKMEM_EVO", kind: .word, words: "auto|learn|frozen|off", unit: "",
                defaultValue: 0, min: 0, max: 3,
                summary: """
                    whether strategies are learnt: as the mode says, always, kept, or never; \
                    auto:40,30,30 weighs CPU, faults, memory
                    """)
        case .profile:
            OptionSpec(
                variable: "HAKMEM_PROFILE", kind: .text, words: "", unit: "",
                defaultValue: 0, min: 0, max: 0,
                summary: "file that what was learnt is loaded from at start and saved to at exit")
        case .timing:
            OptionSpec(
                variable: "HAKMEM_TIMING", kind: .word, words: "0|1|json", unit: "",
                defaultValue: 0, min: 0, max: 2,
                summary: "measure the sections of slow paths and print them at exit")
        }
    }
}
