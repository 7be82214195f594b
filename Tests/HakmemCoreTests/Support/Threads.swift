// SPDX-License-Identifier: MIT
//
// Threads of the tests: pthreads, because a thread's exit is part of what is tested.

import Glibc
import Testing

@testable import HakmemCoreHosted

/// Something that does not hold, found off the test's task, where nothing can be recorded.
struct Violation: Error, CustomStringConvertible {
    let description: String

    static let outOfMemory = Violation(description: "out of memory")
}

/// Throws unless a condition holds.
func require(
    _ holds: Bool, _ message: @autoclosure () -> String = "does not hold", line: UInt = #line
) throws {
    if !holds { throw Violation(description: "line \(line): \(message())") }
}

/// A thread that runs `body` and ends; `join` gives what it made.
final class TestThread<Value>: @unchecked Sendable {
    private let body: () throws -> Value
    private var result: Result<Value, any Error>?
    private var thread = pthread_t()

    /// `returnsCache`: whether the thread's cache goes back to the pool when `body` has ended, also
    /// where there is no exit key.
    init(returnsCache: Bool = true, _ body: @escaping () throws -> Value) {
        self.body = body
        let status = pthread_create(
            &thread, nil,
            { raw in
                let run = Unmanaged<Runner>.fromOpaque(raw!).takeRetainedValue()
                run.body()
                return nil
            },
            Unmanaged.passRetained(
                Runner { [self] in
                    result = Result { try body() }
                    if returnsCache { hakThreadExit(nil) }
                }
            ).toOpaque())
        precondition(status == 0)
    }

    func join() throws -> Value {
        pthread_join(thread, nil)
        return try result!.get()
    }
}

private final class Runner {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// Runs `body` in a thread of its own, whose cache is in the pool again afterwards.
@discardableResult
func onThread<Value>(_ body: @escaping () throws -> Value) throws -> Value {
    try TestThread(body).join()
}

/// Runs `body` in several threads at once, given their numbers.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
    let threads = (0..<count).map { number in TestThread { try body(number) } }
    var failure: (any Error)?
    for thread in threads {
        do { try thread.join() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
}

/// A value that threads pass to each other under a lock.
final class Guarded<Value>: @unchecked Sendable {
    private var value: Value
    private var mutex = pthread_mutex_t()

    init(_ value: Value) {
        self.value = value
        pthread_mutex_init(&mutex, nil)
    }

    func get() -> Value { change { $0 } }
    func set(_ new: Value) { change { $0 = new } }

    @discardableResult
    func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        return try body(&value)
    }
}

/// Where a number of threads wait for each other.
final class Barrier: @unchecked Sendable {
    private var barrier = pthread_barrier_t()

    init(parties: Int) { pthread_barrier_init(&barrier, nil, UInt32(parties)) }
    func wait() { pthread_barrier_wait(&barrier) }
}
