// SPDX-License-Identifier: MIT
//
// signal [COUNT]: a handler that allocates, on a thread that is outside of the allocator while
// another thread is inside. POSIX does not promise this; programs do it.

import Glibc
import Synchronization

private let handled = Atomic<Int>(0)
private let isFinished = Atomic<Bool>(false)
private let signalNumber = SIGUSR1

func runSignal(_ arguments: [String]) -> Never {
    let count = number(arguments, at: 0, or: 2000)
    block(signalNumber)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in allocateInHandler() }
    sigaction(signalNumber, &action, nil)

    let allocating = RunningThread {
        var random = Randomness(seed: 1)
        while !isFinished.load(ordering: .relaxed) {
            Parcel.make(size: random.size(max: 1 << 20), &random).release()
        }
    }
    // Sleeps in sigsuspend, where alone the signal is let through: never inside the allocator.
    let interrupted = RunningThread {
        var mask = sigset_t()
        sigemptyset(&mask)
        while handled.load(ordering: .relaxed) < count { sigsuspend(&mask) }
    }
    for sent in 0..<count {
        kill(getpid(), signalNumber)
        while handled.load(ordering: .relaxed) <= sent { sched_yield() }
    }
    interrupted.join()
    isFinished.store(true, ordering: .relaxed)
    allocating.join()
    print("\(handled.load(ordering: .relaxed)) signals handled")
    print("ok")
    exit(0)
}

/// Blocks the signal for this thread and for those that it starts.
private func block(_ signal: Int32) {
    var mask = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, signal)
    pthread_sigmask(SIG_BLOCK, &mask, nil)
}

private func allocateInHandler() {
    for size in [16, 100, 5000, 100_000, 3_000_000] as [UInt] {
        guard let block = heap.malloc(size) else { fail("malloc in a handler gave NULL") }
        Pattern.fill(block, size, UInt64(size))
        if !Pattern.holds(block, size, UInt64(size)) { fail("contents changed in a handler") }
        heap.free(block)
    }
    handled.wrappingAdd(1, ordering: .relaxed)
}
