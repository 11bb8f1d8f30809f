"""`distcc-driver monitor`: what running builds do now, from the files of distcc's client."""
