out/z.d: 

out/libz.rmeta: 

