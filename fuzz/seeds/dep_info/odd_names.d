a dir/x-1.d: lib.rs m.rs a\ dir/odd\ #na$me\ é.rs back\slash.rs co:lon.rs data.txt

a dir/libx-1.rmeta: lib.rs m.rs a\ dir/odd\ #na$me\ é.rs back\slash.rs co:lon.rs data.txt

lib.rs:
m.rs:
a\ dir/odd\ #na$me\ é.rs:
back\slash.rs:
co:lon.rs:
data.txt:

# env-dep:SET_X=a\\b\nc\rd=e f é
# env-dep:UNSET_X
