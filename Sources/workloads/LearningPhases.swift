// SPDX-License-Identifier: MIT
//
// Loads to learn from that do not stay as they are: phases with needs of their own, and two loads
// that change places as fast as is asked for.
//
//   herd     24 buffers of 20 MiB come and go over and over: what is kept is used again
//   calm     small blocks come and go for three times as long: what is kept is not
//   growth   vectors grow by realloc
//   crew     4 threads build and drop small blocks
//   idle     nothing for a while

import CWorkload

func visitLearningPhases(_ body: (Workload) -> Void) {
    body(
        Workload(
            "learn-phases", "learning", iterations: 4, [.experiment],
            "large buffers, small blocks, growth, four threads and rests in turn; rounds of them",
            run: { measurePhasesToLearn(&$0) }))
    body(
        Workload(
            "learn-flips", "learning", iterations: 200, [.experiment, .live],
            "large buffers and small blocks change places after --live rounds of some 2 ms",
            run: { measureFlips(&$0) }))
}

private let crewSize = 4
private let calmBlocks = 2_000

/// Makes and drops small blocks for so many rounds.
private func calm(_ table: Table, rounds: Int) {
    for _ in 0..<rounds {
        for index in 0..<table.count { table.slots[index] = makeBlock(256) }
        table.dropBlocks()
    }
}

private struct Builder {
    let table: Table
    let rounds: Int
}

private func measurePhasesToLearn(_ measurement: inout Measurement) {
    let herd = Table(count: 24)
    let small = Table(count: calmBlocks)
    let (herdRounds, calmRounds, appends) = (60, 20_000, 100_000)
    let crew = Crew<Builder>(count: crewSize)
    for index in 0..<crewSize {
        crew.workers[index] = Builder(table: Table(count: calmBlocks), rounds: calmRounds / 16)
    }
    let rounds = measurement.iterations
    let blocks = herdRounds * herd.count + calmRounds * calmBlocks * 5 / 4 + appends
    measurement.section(operations: rounds * blocks) {
        for _ in 0..<rounds {
            for _ in 0..<herdRounds { useSet(herd, bytes: 20 << 20, strideBytes: 16 << 10) }
            calm(small, rounds: calmRounds / 2)
            usleep(200_000)
            calm(small, rounds: calmRounds / 2)
            var vectors = Vectors(count: 32, bytesMax: 2 << 20)
            for _ in 0..<appends { vectors.append() }
            vectors.clear()
            crew.start { worker in
                let builder = worker.unsafelyUnwrapped.assumingMemoryBound(to: Builder.self)
                calm(builder.pointee.table, rounds: builder.pointee.rounds)
                return nil
            }
            crew.join()
        }
    }
    measurement.allocationsMin = rounds * herdRounds * herd.count
    small.unmap()
    herd.unmap()
}

/// Large buffers that want to be kept, then small blocks, after the same work each time.
private func measureFlips(_ measurement: inout Measurement) {
    let herd = Table(count: 8)
    let small = Table(count: calmBlocks)
    let rounds = measurement.live
    let flips = measurement.iterations
    let calmRounds = 50
    let blocks =
        rounds * ((flips + 1) / 2 * herd.count + flips / 2 * calmRounds * calmBlocks)
    measurement.section(operations: blocks) {
        for flip in 0..<flips {
            for _ in 0..<rounds {
                if flip & 1 == 0 {
                    useSet(herd, bytes: 20 << 20, strideBytes: 64 << 10)
                } else {
                    calm(small, rounds: calmRounds)
                }
            }
        }
    }
    measurement.allocationsMin = blocks
    small.unmap()
    herd.unmap()
}
