/** 16-bit levels of the 256 µ-law code words (ITU-T G.711, table 2a). */
export const muLawLevels = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = byte ^ 0xff
  const magnitude = ((((code & 15) << 1) + 33) << ((code >> 4) & 7)) - 33
  return (code & 128 ? -magnitude : magnitude) * 4
})

/** 16-bit levels of the 256 A-law code words (ITU-T G.711, table 1a). */
export const aLawLevels = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = byte ^ 0x55
  const chord = (code >> 4) & 7
  const step = ((code & 15) << 1) + 1
  const magnitude = chord === 0 ? step : (step + 32) << (chord - 1)
  return (code & 128 ? magnitude : -magnitude) * 8
})
