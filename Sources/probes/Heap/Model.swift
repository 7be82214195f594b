// SPDX-License-Identifier: MIT
//
// model [OPERATIONS [SEED]]: random operations over all entry points and sizes against a shadow.

import Glibc

func runModel(_ arguments: [String]) -> Never {
    let operations = number(arguments, at: 0, or: 100_000)
    let seed = UInt64(bitPattern: Int64(number(arguments, at: 1, or: Int(time(nil)))))
    print("model: \(operations) operations, seed \(seed)")
    var shadow = ShadowHeap(seed: seed, liveBytesMax: 256 << 20)
    for _ in 0..<operations { shadow.step() }
    shadow.releaseAll()
    print("ok")
    exit(0)
}
