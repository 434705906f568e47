out/lm: /usr/lib/crti.o li b#$x/libc fun.a

/usr/lib/crti.o:

li b#$x/libc fun.a:
