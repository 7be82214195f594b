import CHakmemShim
@c(hak_alloc) public func hakAlloc(_ size: UInt) -> UnsafeMutableRawPointer? { nil }
