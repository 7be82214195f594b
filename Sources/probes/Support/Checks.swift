// SPDX-License-Identifier: MIT
//
// What a probe found true and what not.

import Glibc

/// The checks of one probe run. Every check prints one line; a failure is told and the rest go on.
struct Checks {
    private(set) var passed = 0
    private(set) var failed = 0

    /// Notes that `condition` should hold; `detail` is shown when it does not.
    mutating func expect(
        _ condition: Bool, _ name: String, _ detail: @autoclosure () -> String = "",
        line: Int = #line
    ) {
        if condition {
            passed += 1
            print("ok \(name)")
        } else {
            failed += 1
            print("FAILED \(name) (line \(line)) \(detail())")
        }
    }

    /// A promise of hakmem's that other mallocs do not make: checked only where it serves.
    mutating func expectOfHakmem(
        _ condition: Bool, _ name: String, _ detail: @autoclosure () -> String = "",
        line: Int = #line
    ) {
        if heap.isHakmem || condition {
            expect(condition, name, detail(), line: line)
        } else {
            print("differs \(name) \(detail())")
        }
    }

    /// Prints the sum and ends the process.
    func finish() -> Never {
        print("\(passed) passed, \(failed) failed")
        if failed == 0 { print("ok") }
        exit(failed == 0 ? 0 : 1)
    }
}

/// Ends the process with `message`: the probe cannot go on.
func fail(_ message: String) -> Never {
    print("FAILED \(message)")
    exit(1)
}

/// The number at `index` of a probe's arguments, or `fallback` where there is none.
func number(_ arguments: [String], at index: Int, or fallback: Int) -> Int {
    guard index < arguments.count else { return fallback }
    guard let value = Int(arguments[index]) else { fail("not a number: \(arguments[index])") }
    return value
}
