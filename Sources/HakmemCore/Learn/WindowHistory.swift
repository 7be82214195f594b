// SPDX-License-Identifier: MIT
//
// The last windows of a load, for triggers that need several of them in a row.
//
// Invariant: entries 0..<count are filled, the youngest is at (written - 1) % capacity.

struct WindowHistory {
    struct Entry {
        var strategy: UInt8 = 0
        var p99Ns = 0.0
    }

    static let capacity = 10
    private var entries = InlineArray<10, Entry>(repeating: Entry())
    private var written = 0

    var count: Int { min(written, WindowHistory.capacity) }

    mutating func add(strategy: Int, p99Ns: Double) {
        entries[written % WindowHistory.capacity] = Entry(strategy: UInt8(strategy), p99Ns: p99Ns)
        written += 1
    }

    /// The entry of `age` windows ago; 0 is the youngest. `age` is below `count`.
    func entry(age: Int) -> Entry { entries[(written - 1 - age) % WindowHistory.capacity] }

    /// Whether the last `windows` all ran one strategy and their p99 differ by at most `share`.
    func isStable(windows: Int, share: Double) -> Bool {
        guard count >= windows else { return false }
        var least = Double.infinity
        var most = 0.0
        for age in 0..<windows {
            let entry = entry(age: age)
            if entry.strategy != self.entry(age: 0).strategy { return false }
            least = min(least, entry.p99Ns)
            most = max(most, entry.p99Ns)
        }
        return most - least <= share * least
    }

    /// Whether the last `windows` of a strategy all had a p99 above `limitNs`.
    func isAbove(_ limitNs: Double, windows: Int, of strategy: Int) -> Bool {
        var found = 0
        for age in 0..<count where found < windows && Int(entry(age: age).strategy) == strategy {
            if entry(age: age).p99Ns <= limitNs { return false }
            found += 1
        }
        return found == windows
    }

    /// The mean p99 of the last `windows` of a strategy; nil while there are fewer.
    func meanP99(windows: Int, of strategy: Int) -> Double? {
        var found = 0
        var sum = 0.0
        for age in 0..<count where found < windows && Int(entry(age: age).strategy) == strategy {
            sum += entry(age: age).p99Ns
            found += 1
        }
        return found == windows ? sum / Double(windows) : nil
    }
}
