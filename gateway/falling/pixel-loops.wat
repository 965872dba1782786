;; The loops over every pixel of a picture, 8 or 16 pixels at a time. What each computes is said by its twin in
;; pixel-loops.ts, which gives the same bytes. Built into pixel-loops.wasm by `node .ci/assemble.mjs`.
(module
  (import "picture" "memory" (memory 1))

  ;; Index, counted from $from, of the first pixel that stands out; $count when none does.
  ;; A pixel stands out when it lies more than $slack below $low or above $high.
  (func (export "nextStanding")
    (param $luma i32) (param $low i32) (param $high i32) (param $from i32) (param $count i32) (param $slack i32)
    (result i32)
    (local $limit v128) (local $pixels v128) (local $mask i32) (local $last i32)
    (local.set $limit (i8x16.splat (local.get $slack)))
    (local.set $last (i32.sub (local.get $count) (i32.const 16)))
    (block $rest
      (loop $blocks
        (br_if $rest (i32.gt_s (local.get $from) (local.get $last)))
        (local.set $pixels (v128.load (i32.add (local.get $luma) (local.get $from))))
        (local.set $mask
          (i8x16.bitmask
            (i8x16.ne
              (v128.const i64x2 0 0)
              (i8x16.sub_sat_u
                (v128.or
                  (i8x16.sub_sat_u (v128.load (i32.add (local.get $low) (local.get $from))) (local.get $pixels))
                  (i8x16.sub_sat_u (local.get $pixels) (v128.load (i32.add (local.get $high) (local.get $from)))))
                (local.get $limit)))))
        (if (local.get $mask)
          (then (return (i32.add (local.get $from) (i32.ctz (local.get $mask))))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br $blocks)))
    ;; Fewer than 16 are left: the block that ends with the picture, without the pixels that were looked at before.
    (if (i32.ge_s (local.get $from) (local.get $count)) (then (return (local.get $count))))
    (local.set $pixels (v128.load (i32.add (local.get $luma) (local.get $last))))
    (local.set $mask
      (i32.and
        (i8x16.bitmask
          (i8x16.ne
            (v128.const i64x2 0 0)
            (i8x16.sub_sat_u
              (v128.or
                (i8x16.sub_sat_u (v128.load (i32.add (local.get $low) (local.get $last))) (local.get $pixels))
                (i8x16.sub_sat_u (local.get $pixels) (v128.load (i32.add (local.get $high) (local.get $last)))))
              (local.get $limit))))
        (i32.shl (i32.const -1) (i32.sub (local.get $from) (local.get $last)))))
    (if (result i32) (local.get $mask)
      (then (i32.add (local.get $last) (i32.ctz (local.get $mask))))
      (else (local.get $count))))

  ;; $count pixels, a multiple of 8, from each address on: mean and spread follow the picture, low and high follow them.
  ;; $closed is 255 where nothing ever stands out, else 0.
  (func (export "adapt")
    (param $luma i32) (param $mean i32) (param $spread i32) (param $low i32) (param $high i32) (param $closed i32)
    (param $count i32) (param $meanClip i32) (param $meanShift i32) (param $spreadClip i32) (param $spreadShift i32)
    (param $margin i32) (param $factor i32) (param $least i32)
    (local $i i32) (local $before v128) (local $up v128) (local $down v128) (local $size v128) (local $step v128)
    (local $usual v128) (local $threshold v128) (local $fixed v128)
    (block $done
      (loop $eight
        (br_if $done (i32.ge_s (local.get $i) (local.get $count)))
        (local.set $before (v128.load (i32.add (local.get $mean) (i32.shl (local.get $i) (i32.const 1)))))
        (local.set $up
          (i16x8.shl (v128.load8x8_u (i32.add (local.get $luma) (local.get $i))) (i32.const 8)))
        (local.set $down (i16x8.sub_sat_u (local.get $before) (local.get $up)))
        (local.set $up (i16x8.sub_sat_u (local.get $up) (local.get $before)))
        ;; One of the two is 0.
        (local.set $size (v128.or (local.get $up) (local.get $down)))
        (local.set $step
          (i16x8.shr_u
            (i16x8.min_u (local.get $size) (i16x8.splat (local.get $meanClip)))
            (local.get $meanShift)))
        (local.set $down (i16x8.ne (local.get $down) (v128.const i64x2 0 0)))
        (local.set $before
          (i16x8.sub
            (i16x8.add (local.get $before) (v128.andnot (local.get $step) (local.get $down)))
            (v128.and (local.get $step) (local.get $down))))
        (v128.store (i32.add (local.get $mean) (i32.shl (local.get $i) (i32.const 1))) (local.get $before))
        (local.set $usual (v128.load (i32.add (local.get $spread) (i32.shl (local.get $i) (i32.const 1)))))
        (local.set $usual
          (i16x8.add
            (local.get $usual)
            (i16x8.shr_s
              (i16x8.sub
                (i16x8.min_u (local.get $size) (i16x8.splat (local.get $spreadClip)))
                (local.get $usual))
              (local.get $spreadShift))))
        (v128.store (i32.add (local.get $spread) (i32.shl (local.get $i) (i32.const 1))) (local.get $usual))
        (local.set $threshold
          (i16x8.max_u
            (i16x8.splat (local.get $least))
            (i16x8.add
              (i16x8.splat (local.get $margin))
              (i16x8.shr_u (i16x8.mul (local.get $usual) (i16x8.splat (local.get $factor))) (i32.const 8)))))
        (local.set $before (i16x8.shr_u (local.get $before) (i32.const 8)))
        (local.set $fixed (v128.load64_zero (i32.add (local.get $closed) (local.get $i))))
        (local.set $down (i16x8.sub_sat_u (local.get $before) (local.get $threshold)))
        (v128.store64_lane 0
          (i32.add (local.get $low) (local.get $i))
          (v128.andnot (i8x16.narrow_i16x8_u (local.get $down) (local.get $down)) (local.get $fixed)))
        (local.set $up (i16x8.add (local.get $before) (local.get $threshold)))
        (v128.store64_lane 0
          (i32.add (local.get $high) (local.get $i))
          (v128.or (i8x16.narrow_i16x8_u (local.get $up) (local.get $up)) (local.get $fixed)))
        (local.set $i (i32.add (local.get $i) (i32.const 8)))
        (br $eight))))

  ;; $count pixels, a multiple of 16, from $from to $to: each from four neighbours in two rows $width apart, by weights
  ;; that add up to 256; then by $table (256 bytes) where it is not 0.
  (func (export "resample")
    (param $from i32) (param $to i32) (param $width i32) (param $count i32)
    (param $w00 i32) (param $w10 i32) (param $w01 i32) (param $w11 i32) (param $table i32)
    (local $i i32) (local $a i32) (local $b i32) (local $left v128) (local $pixels v128) (local $out v128)
    (block $done
      (loop $sixteen
        (br_if $done (i32.ge_s (local.get $i) (local.get $count)))
        (local.set $a (i32.add (local.get $from) (local.get $i)))
        (local.set $b (i32.add (local.get $a) (local.get $width)))
        (local.set $left
          (i16x8.shr_u
            (i16x8.add
              (i16x8.add
                (i16x8.mul (v128.load8x8_u (local.get $a)) (i16x8.splat (local.get $w00)))
                (i16x8.mul (v128.load8x8_u offset=1 (local.get $a)) (i16x8.splat (local.get $w10))))
              (i16x8.add
                (i16x8.add
                  (i16x8.mul (v128.load8x8_u (local.get $b)) (i16x8.splat (local.get $w01)))
                  (i16x8.mul (v128.load8x8_u offset=1 (local.get $b)) (i16x8.splat (local.get $w11))))
                (i16x8.splat (i32.const 128))))
            (i32.const 8)))
        (local.set $pixels
          (i16x8.shr_u
            (i16x8.add
              (i16x8.add
                (i16x8.mul (v128.load8x8_u offset=8 (local.get $a)) (i16x8.splat (local.get $w00)))
                (i16x8.mul (v128.load8x8_u offset=9 (local.get $a)) (i16x8.splat (local.get $w10))))
              (i16x8.add
                (i16x8.add
                  (i16x8.mul (v128.load8x8_u offset=8 (local.get $b)) (i16x8.splat (local.get $w01)))
                  (i16x8.mul (v128.load8x8_u offset=9 (local.get $b)) (i16x8.splat (local.get $w11))))
                (i16x8.splat (i32.const 128))))
            (i32.const 8)))
        (local.set $out (i8x16.narrow_i16x8_u (local.get $left) (local.get $pixels)))
        (if (local.get $table)
          (then
            ;; Sixteen lookups of sixteen entries each; an index outside of them gives 0.
            (local.set $pixels (local.get $out))
            (local.set $out (v128.const i64x2 0 0))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=16 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=32 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=48 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=64 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=80 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=96 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=112 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=128 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=144 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=160 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=176 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=192 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=208 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=224 (local.get $table)) (local.get $pixels))))
            (local.set $pixels (i8x16.sub (local.get $pixels) (i8x16.splat (i32.const 16))))
            (local.set $out (v128.or (local.get $out) (i8x16.swizzle (v128.load offset=240 (local.get $table)) (local.get $pixels))))))
        (v128.store (i32.add (local.get $to) (local.get $i)) (local.get $out))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $sixteen)))))
