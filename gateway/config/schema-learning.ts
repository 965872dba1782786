import { Type } from 'typebox'
import { strict } from './schema-entries.ts'

/* Models, and what a site learns from the verdicts of its operators. */

export const Models = Type.Object(
  {
    dir: Type.String({ default: './models', description: 'Folder of model folders.' }),
    lift: Type.String({ default: 'lift-nanodet', description: 'Model that looks into lift cabs.' }),
    fallWaist: Type.String({ default: 'fall-waist', description: 'Model of bands worn at the waist.' }),
    fallWrist: Type.String({ default: 'fall-wrist', description: 'Model of bands worn at the wrist.' }),
    workers: Type.Integer({ minimum: 1, maximum: 32, default: 2, description: 'Inference threads.' }),
    publicKey: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'PEM file of an Ed25519 public key. With it a model is used only if model.json.sig beside its model.json is a signature by that key.',
      }),
    ),
    shadow: Type.Optional(
      Type.Object(
        {
          model: Type.String({ description: 'Folder of a candidate that looks at live frames without any effect.' }),
          share: Type.Number({
            exclusiveMinimum: 0,
            maximum: 1,
            default: 0.05,
            description: 'Share of the analysed frames it looks at.',
          }),
        },
        { ...strict, description: 'Compare a candidate with the model in use: GET /api/v1/models.' },
      ),
    ),
    rollBack: Type.Object(
      {
        factor: Type.Number({
          exclusiveMinimum: 1,
          default: 3,
          description:
            'After a switch: back to the model before when camera alarms come so many times as often or rarely.',
        }),
        minimumAlarms: Type.Integer({ minimum: 2, default: 5, description: 'Fewer alarms than this say nothing.' }),
        baselineDays: Type.Number({
          exclusiveMinimum: 0,
          default: 7,
          description: 'Time before the switch to compare with.',
        }),
        watchHours: Type.Number({ minimum: 0, default: 48, description: 'How long a switch is watched; 0 never.' }),
      },
      { ...strict, default: {} },
    ),
  },
  { ...strict, default: {} },
)

export const Learning = Type.Object(
  {
    mode: Type.Union([Type.Literal('off'), Type.Literal('watch'), Type.Literal('auto')], {
      default: 'auto',
      description:
        'off: nothing is kept. watch: verdicts are learned from and tried, only an admin switches it on. auto: it switches itself on when it removes false alarms without losing a confirmed one.',
    }),
    label: Type.String({ default: 'e-bike', description: 'What it may take back; other labels are never touched.' }),
    keepScore: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.85,
      description: 'A detection of at least this score is never taken back.',
    }),
    minimumConfirmed: Type.Integer({ minimum: 2, default: 5, description: 'Confirmed alarms it needs at least.' }),
    minimumFalse: Type.Integer({ minimum: 2, default: 3, description: 'False alarms it needs at least.' }),
    keepDays: Type.Integer({
      minimum: 1,
      default: 180,
      description:
        'How long crops and embeddings of judged alarms are kept; those nobody judged go with retention.evidenceDays.',
    }),
  },
  { ...strict, default: {} },
)
