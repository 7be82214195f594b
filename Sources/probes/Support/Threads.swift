// SPDX-License-Identifier: MIT
//
// POSIX threads for probes: a body each, joined by the caller.

import Glibc

/// A started thread.
struct RunningThread {
    private let handle: pthread_t

    /// Starts `body` on a new thread with a stack of `stackBytes`.
    init(stackBytes: Int = 256 * 1024, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackBytes)
        let box = Unmanaged.passRetained(Body(body))
        var started = pthread_t()
        let status = pthread_create(
            &started, &attributes,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        pthread_attr_destroy(&attributes)
        if status != 0 { fail("pthread_create: error \(status)") }
        handle = started
    }

    /// Waits for the thread to end.
    func join() { pthread_join(handle, nil) }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// A mutual exclusion lock that never moves.
final class Mutex: @unchecked Sendable {
    private let storage = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init() { pthread_mutex_init(storage, nil) }

    deinit {
        pthread_mutex_destroy(storage)
        storage.deallocate()
    }

    func lock() { pthread_mutex_lock(storage) }
    func unlock() { pthread_mutex_unlock(storage) }
}

/// Waits for the child `process` and ends the probe unless it exited with 0.
func awaitSuccess(of process: pid_t, _ what: String) {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 {
        if errno != EINTR { fail("\(what): waitpid: errno \(errno)") }
    }
    if status & 0x7f != 0 { fail("\(what): child ended by signal \(status & 0x7f)") }
    if (status >> 8) & 0xff != 0 { fail("\(what): child exited with \((status >> 8) & 0xff)") }
}
