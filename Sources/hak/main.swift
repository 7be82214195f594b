print("hak")
