// SPDX-License-Identifier: MIT
//
// Every thread sends blocks to every thread. A round has two halves with a meeting between them:
// all write their letters, then all read and free what they were sent. No lock is involved, so
// what is left beside the meetings is the allocator's remote free.

import CWorkload

func visitMessages(_ body: (Workload) -> Void) {
    body(
        Workload(
            "messages", "messages", iterations: 1_000_000, [.threads, .quick],
            "every thread sends blocks of 16 to 512 bytes to every thread, 20 rounds",
            run: { measureMessages(&$0) }))
}

private let rounds = 20

/// A thread and the letters of all: those from `a` to `b` begin at (a * threads + b) * letters.
private struct MessageWorker {
    let start: MeetingPoint
    let round: MeetingPoint
    let table: Table
    let index: Int
    let threads: Int
    let letters: Int
    var random: Random

    mutating func run() {
        start.wait()
        start.wait()
        for _ in 0..<rounds {
            let first = index * threads * letters
            for place in first..<first + threads * letters {
                table.slots[place] = makeBlock(16 + random.next(below: 497))
            }
            round.wait()
            for sender in 0..<threads {
                let first = (sender * threads + index) * letters
                for place in first..<first + letters { dropBlock(table.block(place)) }
            }
            round.wait()
        }
    }
}

private func measureMessages(_ measurement: inout Measurement) {
    let threads = measurement.threads
    let crew = Crew<MessageWorker>(count: threads)
    let start = MeetingPoint(count: threads + 1)
    let round = MeetingPoint(count: threads)
    let letters = max(1, measurement.iterations / rounds / threads / threads)
    let table = Table(count: threads * threads * letters)
    for index in 0..<threads {
        crew.workers[index] = MessageWorker(
            start: start, round: round, table: table, index: index, threads: threads,
            letters: letters, random: Random(seed: index + 50))
    }
    measurement.section(operations: rounds * table.count, crew, start) { worker in
        worker.unsafelyUnwrapped.assumingMemoryBound(to: MessageWorker.self).pointee.run()
        return nil
    }
    table.unmap()
}
