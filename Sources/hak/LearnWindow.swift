// SPDX-License-Identifier: MIT
//
// A window of learning, as the allocator tells of it: one line of JSON each.

import FoundationEssentials
import Glibc

struct LearnWindow: Decodable, Equatable {
    let window: Int
    let endMs: Int
    let load: Int
    let state: String
    /// What ran, and what runs next.
    let strategy: String
    let next: String
    let reason: String
    /// The cost against the reference, in thousandths; 0 where there is none yet.
    let costPermille: Int
    /// Blocks that were handed out.
    let events: Int
    let allocatorNs: Int
    let pageFaults: Int
    let residentBytes: Int
    let liveBytes: Int
    let p99Ns: Int
    let ratings: [String: Int]

    private enum CodingKeys: String, CodingKey {
        case window, load, state, strategy, next, reason, events, ratings
        case endMs = "end_ms"
        case costPermille = "cost_permille"
        case allocatorNs = "allocator_ns"
        case pageFaults = "page_faults"
        case residentBytes = "resident_bytes"
        case liveBytes = "live_bytes"
        case p99Ns = "p99_ns"
    }

    /// The window of a line; nil when it is none.
    init?(line: some Sequence<UInt8>) {
        guard let window = try? JSONDecoder().decode(LearnWindow.self, from: Data(line)) else {
            return nil
        }
        self = window
    }

    /// Strategies by their ratings, the best first.
    var leaderboard: [(name: String, rating: Int)] {
        ratings.map { (name: $0.key, rating: $0.value) }
            .sorted { ($1.rating, $0.name) < ($0.rating, $1.name) }
    }

    /// The window as a line for people.
    var text: String {
        let cost =
            costPermille == 0 ? "   –" : Numbers.decimal(Double(costPermille) / 1000, digits: 2)
        let best = leaderboard.prefix(3).map { "\($0.name) \($0.rating)" }
        let change = next == strategy ? strategy : "\(strategy) → \(next)"
        return """
            window \(window)  \(state)  cost \(cost)  \(change): \(reason)  \
            [\(best.joined(separator: ", "))]
            """
    }
}

/// The lines of a growing file, each once.
struct GrowingLog {
    private let descriptor: Int32
    private var rest: [UInt8] = []
    private(set) var windows: [LearnWindow] = []

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Reads what has come, and calls `body` with each new window.
    mutating func advance(_ body: (LearnWindow) -> Void) {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count <= 0 { break }
            rest += chunk[..<count]
        }
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if let window = LearnWindow(line: rest[..<end]) {
                windows.append(window)
                body(window)
            }
            rest.removeSubrange(...end)
        }
    }
}
