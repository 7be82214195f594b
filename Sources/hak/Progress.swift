// SPDX-License-Identifier: MIT

import Glibc

/// How far a command is, on standard error.
struct Progress {
    enum Kind {
        case none
        /// One line of a terminal that is written again.
        case terminal
        /// A line each.
        case lines
    }

    let kind: Kind

    /// On a terminal, and elsewhere where it is asked for.
    init(isWanted: Bool) {
        kind = isatty(STDERR_FILENO) == 1 ? .terminal : isWanted ? .lines : .none
    }

    func show(_ text: String) {
        switch kind {
        case .none: break
        case .terminal: writeToStandardError("\r\u{1B}[K\(text)")
        case .lines: writeToStandardError("\(text)\n")
        }
    }

    /// Takes a terminal's line away.
    func clear() {
        if kind == .terminal { writeToStandardError("\r\u{1B}[K") }
    }
}
