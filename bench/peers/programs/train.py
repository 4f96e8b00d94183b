"""Writes model.joblib, the tutorial's logistic regression, trained as models/demo-classifier/make.py does it."""
import os
import joblib, numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

X, y = make_classification(n_samples=100, n_features=4, n_informative=2, n_redundant=0, random_state=42)
X = X.astype(np.float32).astype(np.float64)
joblib.dump(LogisticRegression().fit(X, y), os.environ["TINY"])
