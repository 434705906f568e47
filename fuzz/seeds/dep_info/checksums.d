out/x.d: lib.rs m.rs a\ dir/odd\ #na$me\ é.rs back\slash.rs co:lon.rs data.txt

out/libx.rmeta: lib.rs m.rs a\ dir/odd\ #na$me\ é.rs back\slash.rs co:lon.rs data.txt

lib.rs:
m.rs:
a\ dir/odd\ #na$me\ é.rs:
back\slash.rs:
co:lon.rs:
data.txt:

# env-dep:SET_X=a
# env-dep:UNSET_X
# checksum:blake3=ef1278790f106fb85cf5aee74da5d401791c3e74f255716a21c184640194d3b2 file_len:249 lib.rs
# checksum:blake3=a976dde63294dccd61d9cec7eaada93c209f408b2e78c3bb20467f270b60fc21 file_len:15 m.rs
# checksum:blake3=295192ea1ec8566d563b1a7587e5f0198580cdbd043842f5090a4c197c20c67a file_len:1 a\ dir/odd\ #na$me\ é.rs
# checksum:blake3=295192ea1ec8566d563b1a7587e5f0198580cdbd043842f5090a4c197c20c67a file_len:1 back\slash.rs
# checksum:blake3=295192ea1ec8566d563b1a7587e5f0198580cdbd043842f5090a4c197c20c67a file_len:1 co:lon.rs
# checksum:blake3=0b8b60248fad7ac6dfac221b7e01a8b91c772421a15b387dd1fb2d6a94aee438 file_len:3 data.txt
