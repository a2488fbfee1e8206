lock table projection in access share mode;
