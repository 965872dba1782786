import * as THREE from 'three'
import type { Random } from './random.ts'

/** What camera, glass and sensor make of the light. */
export type Look = {
  /** Barrel distortion: 0 none, 0.4 strong. */
  barrel: number
  exposure: number
  contrast: number
  /** 0 grey, 1 as it is. */
  saturation: number
  tint: [number, number, number]
  vignette: number
  noise: number
  /** Smear along x and y, in pictures' widths. */
  smear: [number, number]
  soft: number
}

export const plainLook: Look = {
  barrel: 0.12,
  exposure: 1,
  contrast: 1,
  saturation: 1,
  tint: [1, 1, 1],
  vignette: 0.2,
  noise: 0.02,
  smear: [0, 0],
  soft: 0,
}

/** Draws one camera's character: infrared, dim, blown-out, tinted, cheap, smeared. */
export function randomLook(random: Random): Look {
  const grey = random.chance(0.13)
  const dim = random.chance(0.18)
  const moving = random.chance(0.15)
  const cast = random.range(0, 0.18)
  const hue = random.pick([0, 1, 2])
  return {
    barrel: random.chance(0.3) ? random.range(0.15, 0.45) : random.range(0, 0.15),
    exposure: dim ? random.range(0.45, 0.8) : random.range(0.8, 1.6),
    contrast: random.range(0.7, 1.3),
    saturation: grey ? random.range(0, 0.08) : random.range(0.5, 1.35),
    tint: [1 + (hue === 0 ? cast : 0), 1 + (hue === 1 ? cast * 0.5 : 0), 1 + (hue === 2 ? cast : 0)],
    vignette: random.range(0, 0.5),
    noise: dim || grey ? random.range(0.01, 0.07) : random.range(0, 0.035),
    smear: moving ? [random.normal() * 0.008, random.normal() * 0.008] : [0, 0],
    soft: random.chance(0.4) ? random.range(0.3, 1.6) : random.range(0, 0.4),
  }
}

const vertex = `varying vec2 v; void main() { v = uv; gl_Position = vec4(position.xy, 0.0, 1.0); }`
const warp = `
uniform sampler2D picture; uniform float barrel; uniform vec2 size; varying vec2 v;
vec2 bend(vec2 p) {
  vec2 c = (p - 0.5) * vec2(size.x / size.y, 1.0);
  float corner = 0.25 * (1.0 + size.x * size.x / size.y / size.y);
  return 0.5 + (p - 0.5) * (1.0 + barrel * dot(c, c)) / (1.0 + barrel * corner);
}`
const ids = `${warp} void main() { gl_FragColor = vec4(texture2D(picture, bend(v)).rgb, 1.0); }`
const photo = `${warp}
uniform float exposure, contrast, saturation, vignette, noise, soft, seed; uniform vec3 tint; uniform vec2 smear;
float hash(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.233)) + seed) * 43758.5453); }
void main() {
  vec2 p = bend(v);
  vec2 px = soft / size;
  vec3 c = texture2D(picture, p).rgb * 2.0;
  c += texture2D(picture, p + px + smear).rgb + texture2D(picture, p - px - smear).rgb;
  c += texture2D(picture, p + vec2(px.x, -px.y) + smear * 0.5).rgb + texture2D(picture, p + vec2(-px.x, px.y) - smear * 0.5).rgb;
  c /= 6.0;
  c = (c * exposure * tint - 0.5) * contrast + 0.5;
  c = mix(vec3(dot(c, vec3(0.3, 0.59, 0.11))), c, saturation);
  vec2 d = v - 0.5;
  c *= 1.0 - vignette * dot(d, d) * 2.0;
  float n = hash(floor(v * size)) + hash(floor(v * size) + 7.0) - 1.0;
  c += noise * n * (1.0 + 0.5 * vec3(hash(v * size + 1.0), hash(v * size + 2.0), hash(v * size + 3.0)));
  gl_FragColor = vec4(c, 1.0);
}`

/** Renders the scene through the lens: once as a picture, once as id colours for exact boxes. */
export class Lens {
  readonly #renderer: THREE.WebGLRenderer
  readonly #scenePass: THREE.WebGLRenderTarget
  readonly #idPass: THREE.WebGLRenderTarget
  readonly #flat: THREE.WebGLRenderTarget
  readonly #screen = new THREE.Scene()
  readonly #eye = new THREE.OrthographicCamera()
  readonly #photo: THREE.ShaderMaterial
  readonly #ids: THREE.ShaderMaterial
  readonly #quad: THREE.Mesh
  readonly #pixels: Uint8Array
  readonly width: number
  readonly height: number

  /** `oversample` is the scene's size against the picture's: the cheapest smooth edges on a CPU. */
  constructor(canvas: HTMLCanvasElement, width: number, height: number, oversample: number) {
    THREE.ColorManagement.enabled = false
    this.width = width
    this.height = height
    canvas.width = width
    canvas.height = height
    this.#renderer = new THREE.WebGLRenderer({ canvas, preserveDrawingBuffer: true, antialias: false })
    this.#renderer.outputColorSpace = THREE.LinearSRGBColorSpace
    this.#renderer.setSize(width, height, false)
    this.#renderer.shadowMap.enabled = true
    this.#renderer.shadowMap.type = THREE.PCFShadowMap
    this.#scenePass = new THREE.WebGLRenderTarget(Math.round(width * oversample), Math.round(height * oversample))
    this.#idPass = new THREE.WebGLRenderTarget(width, height, {
      minFilter: THREE.NearestFilter,
      magFilter: THREE.NearestFilter,
    })
    this.#flat = new THREE.WebGLRenderTarget(width, height)
    this.#pixels = new Uint8Array(width * height * 4)
    const common = () => ({
      picture: { value: null },
      barrel: { value: 0 },
      size: { value: new THREE.Vector2(width, height) },
    })
    this.#ids = new THREE.ShaderMaterial({
      uniforms: common(),
      vertexShader: vertex,
      fragmentShader: ids,
      depthTest: false,
    })
    this.#photo = new THREE.ShaderMaterial({
      uniforms: {
        ...common(),
        exposure: { value: 1 },
        contrast: { value: 1 },
        saturation: { value: 1 },
        vignette: { value: 0 },
        noise: { value: 0 },
        soft: { value: 0 },
        seed: { value: 0 },
        tint: { value: new THREE.Vector3(1, 1, 1) },
        smear: { value: new THREE.Vector2() },
      },
      vertexShader: vertex,
      fragmentShader: photo,
      depthTest: false,
    })
    this.#quad = new THREE.Mesh(new THREE.PlaneGeometry(2, 2), this.#photo)
    this.#quad.frustumCulled = false
    this.#screen.add(this.#quad)
  }

  /** The picture lands on the canvas given to the constructor. */
  shoot(scene: THREE.Scene, camera: THREE.Camera, look: Look, grain: number): void {
    this.#renderer.setRenderTarget(this.#scenePass)
    this.#renderer.render(scene, camera)
    const u = this.#photo.uniforms
    u.picture!.value = this.#scenePass.texture
    for (const key of ['barrel', 'exposure', 'contrast', 'saturation', 'vignette', 'noise', 'soft'] as const)
      u[key]!.value = look[key]
    ;(u.tint!.value as THREE.Vector3).set(...look.tint)
    ;(u.smear!.value as THREE.Vector2).set(...look.smear)
    u.seed!.value = grain
    this.#quad.material = this.#photo
    this.#renderer.setRenderTarget(null)
    this.#renderer.render(this.#screen, this.#eye)
  }

  /** Red channel of the id picture, bottom row first; the materials must have been swapped by the caller. */
  identify(scene: THREE.Scene, camera: THREE.Camera, barrel: number): Uint8Array {
    const shadows = this.#renderer.shadowMap.autoUpdate
    this.#renderer.shadowMap.autoUpdate = false
    this.#renderer.setRenderTarget(this.#idPass)
    this.#renderer.render(scene, camera)
    this.#ids.uniforms.picture!.value = this.#idPass.texture
    this.#ids.uniforms.barrel!.value = barrel
    this.#quad.material = this.#ids
    this.#renderer.setRenderTarget(this.#flat)
    this.#renderer.render(this.#screen, this.#eye)
    this.#renderer.readRenderTargetPixels(this.#flat, 0, 0, this.width, this.height, this.#pixels)
    this.#renderer.setRenderTarget(null)
    this.#renderer.shadowMap.autoUpdate = shadows
    return this.#pixels
  }
}
