// SPDX-License-Identifier: MIT
//
// How often something may happen: after each time it rests, twice as long if it came again soon and
// half as long if it did not. A load that flips as fast as we follow so costs less and less.
//
//   restMin ≤ rest ≤ restMax, in windows

struct Backoff {
    private(set) var rest: UInt
    private let restMin: UInt
    private let restMax: UInt
    private var last: UInt = 0
    private var hasActed = false

    /// Within this many rests is soon.
    private static let soonRests: UInt = 4

    init(restMin: UInt, restMax: UInt) {
        precondition(restMin > 0 && restMin <= restMax)
        rest = restMin
        self.restMin = restMin
        self.restMax = restMax
    }

    /// Whether it has rested long enough at `window`.
    func mayAct(at window: UInt) -> Bool { !hasActed || window >= last + rest }

    /// It happened at `window`.
    mutating func act(at window: UInt) {
        if hasActed {
            let isSoon = window < last + Backoff.soonRests * rest
            rest = isSoon ? min(rest * 2, restMax) : max(rest / 2, restMin)
        }
        hasActed = true
        last = window
    }

    /// Rests from `window` on, with the rest as it is.
    mutating func postpone(to window: UInt) {
        hasActed = true
        last = window
    }
}
