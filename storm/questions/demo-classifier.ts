/** Of the logistic regression in `models/demo-classifier`: they fit its golden answers, which a test checks. */
const weights = [0.2308863954206271, -0.14626044560579815, 3.259819374219097, -0.8354459223995001]
const intercept = 0.05946179931257667

/** What the demo classifier answers, computed without it. */
export const predictDemo = (features: readonly number[]) => {
  const logit = weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), intercept)
  const one = 1 / (1 + Math.exp(-logit))
  return { prediction: one > 0.5 ? 1 : 0, probabilities: { '0': 1 - one, '1': one } }
}

/** The same as the plain dialect shows it. */
export const toPlain = ({ prediction, probabilities }: ReturnType<typeof predictDemo>) => ({
  prediction,
  probability_class_1: probabilities['1'],
})
