// SPDX-License-Identifier: MIT
//
// Call sites of large blocks that want different things of the allocator, in a program of two
// threads. One works in rounds of steps, with a pause after each:
//
//   frames    6 buffers of 600 KiB in every step: wanted again at once, and after every pause
//   journal   one block that grows to 1 MiB in the course of a round, and is dropped
//   reports   3 buffers of 1 to 2 MiB at the end of a round: dropped together, not wanted for long
//
// The other builds and drops 512 KiB of small blocks all the time. By size alone the reports push
// frames out of the first thread's cache, and in the pause the second thread's ticks return what is
// free: the reports were kept for nothing, and the frames are missing after it.

import CWorkload

func visitLearningSites(_ body: (Workload) -> Void) {
    body(
        Workload(
            "learn-sites", "learning", iterations: 10_000, [.experiment],
            "buffers wanted again at once, others that are not, one that grows, and pauses",
            run: { measureSites(&$0) }))
}

private let frameBytes = 600 << 10
private let reportBytes = (least: 1 << 20, most: 2 << 20)
private let journalStepBytes = 5 << 10
private let stepsInRound = 200
private let pauseMicroseconds: UInt32 = 150_000
/// What the other thread does for each round: it takes about as long.
private let clerkTurnsInRound = 150
private let recordBytes = 256
private let clerkMicroseconds: UInt32 = 1000

private struct Sites {
    let frames = Table(count: 6)
    let reports = Table(count: 3)
    var random = Random(seed: 4)

    var blocksInRound: Int { stepsInRound * (frames.count + 1) + reports.count }

    @inline(never)
    func makeFrames() {
        for index in 0..<frames.count {
            frames.slots[index] = touchedBlock(frameBytes, strideBytes: 4096)
        }
        frames.dropBlocks()
    }

    @inline(never)
    mutating func makeReports() {
        for index in 0..<reports.count {
            let bytes = reportBytes.least + random.next(below: reportBytes.most - reportBytes.least)
            reports.slots[index] = touchedBlock(bytes, strideBytes: 4096)
        }
        reports.dropBlocks()
    }

    mutating func runRound() {
        var journal: UnsafeMutableRawPointer?
        for step in 1...stepsInRound {
            makeFrames()
            guard let grown = realloc(journal, step * journalStepBytes) else { failWithoutMemory() }
            grown.storeBytes(
                of: UInt8(0xA5), toByteOffset: step * journalStepBytes - 1, as: UInt8.self)
            journal = grown
        }
        makeReports()
        free(journal)
    }
}

/// The other thread's work.
private struct Clerk {
    let turns: Int
    let records = Table(count: 2000)

    func run() {
        for _ in 0..<turns {
            for index in 0..<records.count { records.slots[index] = makeBlock(recordBytes) }
            records.dropBlocks()
            usleep(clerkMicroseconds)
        }
    }
}

private func measureSites(_ measurement: inout Measurement) {
    var sites = Sites()
    let rounds = max(1, measurement.iterations / stepsInRound)
    let crew = Crew<Clerk>(count: 1)
    crew.workers[0] = Clerk(turns: rounds * clerkTurnsInRound)
    measurement.section(operations: rounds * sites.blocksInRound) {
        crew.start { worker in
            let clerk = worker.unsafelyUnwrapped.assumingMemoryBound(to: Clerk.self)
            clerk.pointee.run()
            return nil
        }
        for _ in 0..<rounds {
            sites.runRound()
            usleep(pauseMicroseconds)
        }
        crew.join()
    }
    measurement.allocationsMin = rounds * stepsInRound
    crew.workers[0].records.unmap()
    sites.frames.unmap()
    sites.reports.unmap()
}
