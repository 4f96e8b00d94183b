/** What a prediction for the demo model carries, and nothing else. */
export const jobData = { features: [1.0, -0.5, 2.1, 0.3] }
