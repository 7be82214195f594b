// SPDX-License-Identifier: MIT
//
// The moments of a process that matter to the recorder: its start, fork, and the end of a thread.
//
// The linker is told to initialise this library before all others (-z initfirst), so that what
// their constructors allocate is recorded. What the loader allocates before that is not, and its
// blocks are strangers when they are freed.
//
// fork: the child begins a log of its own; the parent's mappings are not touched by it. exec: the
// new image begins a log of its own too, since the environment goes along.

import CRecorder
import Synchronization

@used @section(".init_array")
let constructor:
    @convention(c) (
        Int32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>
    ) -> Void = recorderStart

@c(recorder_start)
public func recorderStart(
    _ count: Int32, _ arguments: UnsafePointer<UnsafePointer<CChar>?>,
    _ environment: UnsafePointer<UnsafePointer<CChar>?>
) {
    guard let path = value(of: "HAKMEM_TRACE=", in: environment) else { return }
    logFile.configure(path: path, mebibytesMax: value(of: "HAKMEM_TRACE_MIB=", in: environment))
    exitKey.create()
    pthread_atfork(nil, nil, recorderForked)
    recording.begin(isForked: false)
}

@c(recorder_forked)
public func recorderForked() { recording.begin(isForked: true) }

/// The text behind `name`, which ends in an equals sign.
private func value(
    of name: StaticString, in environment: UnsafePointer<UnsafePointer<CChar>?>
) -> UnsafePointer<CChar>? {
    var index = 0
    while let variable = environment[index] {
        let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        if strncmp(variable, text, name.utf8CodeUnitCount) == 0 {
            return variable + name.utf8CodeUnitCount
        }
        index += 1
    }
    return nil
}

/// Tells the recorder of a thread's end, when its chunk is unmapped.
let exitKey = ExitKey()

struct ExitKey: ~Copyable {
    private let key = Atomic<UInt32>(0)

    func create() {
        var made: pthread_key_t = 0
        guard pthread_key_create(&made, recorderThreadEnded) == 0 else { return }
        key.store(made + 1, ordering: .relaxed)
    }

    /// Has the end of this thread noticed. What libc may allocate for that is not recorded: the
    /// thread is busy.
    func arm() {
        let known = key.load(ordering: .relaxed)
        if known > 0 { pthread_setspecific(known - 1, recorder_thread()) }
    }
}

@c(recorder_thread_ended)
public func recorderThreadEnded(_ thread: UnsafeMutableRawPointer?) {
    guard let thread else { return }
    recording.endChunk(thread.assumingMemoryBound(to: recorder_thread_t.self))
}
